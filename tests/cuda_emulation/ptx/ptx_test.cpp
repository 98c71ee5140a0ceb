#include <cuda_runtime.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <numeric>

#include "../device_memory.hpp"
#include "base/half.hpp"
#include "run.hpp"
#include "support/random_floats.hpp"

namespace linnet::ptx {
namespace {

using testing::ElementsAre;

constexpr const char* kHeader = R"(.version 9.0
.target sm_90a
.address_size 64
.extern .shared .align 16 .b8 memory[];
.visible .entry kernel(
	.param .u64 kernel_param_0
)
{
	.reg .pred 	%p<4>;
	.reg .b16 	%rs<8>;
	.reg .b32 	%r<40>;
	.reg .f32 	%f<40>;
	.reg .b64 	%rd<8>;
	ld.param.u64 	%rd1, [kernel_param_0];
	mov.u32 	%r1, %tid.x;
	mul.wide.u32 	%rd2, %r1, 4;
	add.s64 	%rd2, %rd1, %rd2;
)";

// Runs the instructions, in which %rd1 is where `numbers` are, %r1 the number of the thread and
// %rd2 where its number is; gives what became of the numbers.
template <class T>
std::vector<T> run(const std::string& instructions, std::vector<T> numbers, unsigned threads = 32) {
  Program program = Program::of_text(kHeader + instructions + "\n\tret;\n}\n");
  const Kernel* kernel = program.find("kernel");
  void* memory = nullptr;
  const std::size_t bytes = numbers.size() * sizeof(T);
  cudaMalloc(&memory, bytes);
  cudaMemcpyAsync(memory, numbers.data(), bytes, cudaMemcpyHostToDevice, nullptr);
  const std::span<const std::byte> argument = std::as_bytes(std::span(&memory, 1));
  {
    const emulation::Open open;
    run_grid(*kernel, {&argument, 1}, {}, {threads}, 4096, false);
  }
  cudaMemcpyAsync(numbers.data(), memory, bytes, cudaMemcpyDeviceToHost, nullptr);
  cudaFree(memory);
  return numbers;
}

std::vector<std::int32_t> count_up(int count) {
  std::vector<std::int32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// Lanes that leave a loop at different times go on together behind it.
TEST(Ptx, LanesThatPartMeetAgain) {
  const auto got = run(R"(
	mov.u32 	%r2, 0;
	mov.u32 	%r3, %r1;
$L__loop:
	setp.eq.s32 	%p1, %r3, 0;
	@%p1 bra 	$L__done;
	add.s32 	%r2, %r2, %r3;
	add.s32 	%r3, %r3, -1;
	bra.uni 	$L__loop;
$L__done:
	vote.sync.ballot.b32 	%r4, %p1, -1;
	setp.eq.s32 	%p2, %r4, -1;
	@%p2 st.global.u32 	[%rd2], %r2;
)",
                       count_up(32));
  std::vector<std::int32_t> want(32);
  for (int i = 0; i < 32; ++i) want[i] = i * (i + 1) / 2;
  EXPECT_EQ(got, want);
}

// Each lane gets what the lanes before it left.
TEST(Ptx, LanesChangeANumberOneByOne) {
  const auto got = run<std::uint32_t>(R"(
	shl.b32 	%r2, 1, %r1;
	atom.global.add.u32 	%r3, [%rd1+16], %r2;
	atom.global.or.b32 	%r4, [%rd1+20], %r2;
	add.u32 	%r3, %r3, %r4;
	st.global.u32 	[%rd2], %r3;
)",
                                      {0, 0, 0, 0, 100, 9}, 4);
  EXPECT_THAT(got, ElementsAre(109, 110, 114, 122, 115, 15));
}

// From section 9.7.9.7 of the PTX ISA: which bytes, and their sign alone.
TEST(Ptx, BytesArePermuted) {
  const auto got = run<std::uint32_t>(R"(
	mov.u32 	%r2, 0x83828180;
	mov.u32 	%r3, 0x07060504;
	prmt.b32 	%r4, %r2, %r3, 0x7150;
	prmt.b32 	%r5, %r2, %r3, 0x4C80;
	st.global.v2.u32 	[%rd1], {%r4, %r5};
)",
                                      {0, 0}, 1);
  EXPECT_THAT(got, ElementsAre(0x07810580u, 0x0400ff80u));
}

// The table of a function of three bits is what it gives for 0xf0, 0xcc and 0xaa (section 9.7.8.6).
TEST(Ptx, BitsAreCombinedByTheTable) {
  const auto got = run<std::uint32_t>(R"(
	mov.u32 	%r2, 0x0000f0f0;
	mov.u32 	%r3, 0x00ff00ff;
	mov.u32 	%r4, 0x64006400;
	lop3.b32 	%r5, %r2, %r3, %r4, 0xea;
	lop3.b32 	%r6, %r2, %r3, %r4, 0x96;
	st.global.v2.u32 	[%rd1], {%r5, %r6};
)",
                                      {0, 0}, 1);
  EXPECT_THAT(got, ElementsAre(0x640064f0u, 0x64ff940fu));
}

TEST(Ptx, NumbersAreRoundedAsTheInstructionSays) {
  // 1 + 2^-24 lies in the middle of two numbers; 3 2^-25 beyond it.
  const auto got = run<float>(R"(
	mov.f32 	%f1, 0f3F800000;
	mov.f32 	%f2, 0f33C00000;
	add.f32 	%f3, %f1, %f2;
	add.rz.f32 	%f4, %f1, %f2;
	neg.f32 	%f5, %f1;
	fma.rm.f32 	%f6, %f5, %f1, 0fB3C00000;
	cvt.rzi.s32.f32 	%r2, 0fC0200000;
	cvt.rn.f32.s32 	%f7, %r2;
	st.global.v4.f32 	[%rd1], {%f3, %f4, %f6, %f7};
)",
                              {0, 0, 0, 0}, 1);
  EXPECT_THAT(got, ElementsAre(1 + 0x1p-23f, 1.0f, -1 - 0x1p-23f, -2.0f));
}

TEST(Ptx, WarpsWaitForEachOther) {
  const auto got = run(R"(
	shl.b32 	%r2, %r1, 2;
	mov.u32 	%r3, memory;
	add.s32 	%r4, %r3, %r2;
	st.shared.u32 	[%r4], %r1;
	bar.sync 	0;
	sub.s32 	%r5, 252, %r2;
	add.s32 	%r5, %r3, %r5;
	ld.shared.u32 	%r6, [%r5];
	st.global.u32 	[%rd2], %r6;
)",
                       count_up(64), 64);
  auto want = count_up(64);
  std::ranges::reverse(want);
  EXPECT_EQ(got, want);
}

// a [16][16] and b [16][8] from shared memory through ldmatrix, multiplied by mma.
TEST(Ptx, TilesAreMultiplied) {
  const std::vector<float> values = test::random_floats(16 * 16 + 16 * 8, 3);
  std::vector<std::uint32_t> numbers(16 * 24);  // halves, then sums [16][8]
  std::vector<float> rounded;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t half = float_to_half(values[i]);
    numbers[i / 2] |= std::uint32_t{half} << (i % 2 * 16);
    rounded.push_back(half_to_float(half));
  }
  // Lane l brings 24 bytes of a and b to shared memory; rows of a are 32 bytes, of b 16.
  const auto got = run(R"(
	mov.u32 	%r3, memory;
	mad.lo.s32 	%r4, %r1, 24, %r3;
	mul.wide.u32 	%rd3, %r1, 24;
	add.s64 	%rd3, %rd1, %rd3;
	ld.global.v2.u32 	{%r10, %r11}, [%rd3];
	st.shared.v2.u32 	[%r4], {%r10, %r11};
	ld.global.v2.u32 	{%r10, %r11}, [%rd3+8];
	st.shared.v2.u32 	[%r4+8], {%r10, %r11};
	ld.global.v2.u32 	{%r10, %r11}, [%rd3+16];
	st.shared.v2.u32 	[%r4+16], {%r10, %r11};
	bar.warp.sync 	-1;
	and.b32 	%r5, %r1, 15;
	shl.b32 	%r5, %r5, 5;
	and.b32 	%r6, %r1, 16;
	add.s32 	%r5, %r5, %r6;
	add.s32 	%r5, %r5, %r3;
	ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r20, %r21, %r22, %r23}, [%r5];
	and.b32 	%r7, %r1, 15;
	shl.b32 	%r7, %r7, 4;
	add.s32 	%r7, %r7, %r3;
	ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%r24, %r25, %r26, %r27}, [%r7+512];
	mov.f32 	%f1, 0f00000000;
	mov.f32 	%f2, %f1;
	mov.f32 	%f3, %f1;
	mov.f32 	%f4, %f1;
	mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f1, %f2, %f3, %f4}, {%r20, %r21, %r22, %r23}, {%r24, %r25}, {%f1, %f2, %f3, %f4};
	shl.b32 	%r8, %r1, 3;
	cvt.u64.u32 	%rd4, %r8;
	add.s64 	%rd4, %rd1, %rd4;
	st.global.v2.f32 	[%rd4+768], {%f1, %f2};
	st.global.v2.f32 	[%rd4+1024], {%f3, %f4};
)",
                       numbers);
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      double sum = 0;
      for (int k = 0; k < 16; ++k) {
        sum += static_cast<double>(rounded[row * 16 + k]) * rounded[256 + k * 8 + column];
      }
      const float is = std::bit_cast<float>(got[192 + row * 8 + column]);
      EXPECT_NEAR(is, sum, 1e-6) << row << ", " << column;
    }
  }
}

TEST(Ptx, FaultsAreNoticed) {
  const auto run_on = [](const char* instructions, unsigned threads = 32) {
    run(instructions, count_up(1024), threads);
  };
  EXPECT_DEATH(run_on("ld.global.u32 %r2, [%rd1+4096];"), "nobody's");
  EXPECT_DEATH(run_on("ld.shared.u32 %r2, [%r1+8192];"), "nobody's");
  EXPECT_DEATH(run_on("ld.global.u32 %r2, [%rd1+2];"), "not aligned");
  EXPECT_DEATH(run_on("setp.eq.s32 %p1, %r1, 3;\n@%p1 ret;\nvote.sync.ballot.b32 %r4, %p1, -1;"),
               "lanes that ended");
  EXPECT_DEATH(run_on("setp.lt.s32 %p1, %r1, 32;\n@%p1 ret;\nbar.sync 0;", 64), "before a barrier");
  EXPECT_DEATH(run_on("setp.lt.s32 %p1, %r1, 16;\n@%p1 bra $a;\nbar.warp.sync -1;\nret;\n$a:\n"
                      "bar.warp.sync -1;"),
               "for ever");
  EXPECT_DEATH(run_on("mov.u32 %r2, memory;\ncp.async.cg.shared.global [%r2], [%rd1], 16, 16;"),
               "did not wait for");
  EXPECT_DEATH(run_on("no.such.instruction %r2;"), "an instruction");
}

// Lanes of a warp and warps of a block, one of which reads what another one writes.
TEST(Ptx, RacesAreNoticed) {
  setenv("CUDA_EMULATION_PTX_RACES", "1", 1);
  const std::string write =
      "mov.u32 %r2, memory;\nshl.b32 %r3, %r1, 2;\nadd.s32 %r3, %r3, %r2;\n"
      "st.shared.u32 [%r3], %r1;\n";
  const std::string read_next =
      "xor.b32 %r4, %r1, 1;\nshl.b32 %r4, %r4, 2;\n"
      "add.s32 %r4, %r4, %r2;\nld.shared.u32 %r5, [%r4];\n";
  const std::string read_far =
      "xor.b32 %r4, %r1, 33;\nshl.b32 %r4, %r4, 2;\n"
      "add.s32 %r4, %r4, %r2;\nld.shared.u32 %r5, [%r4];\n";
  const std::string lanes = "bar.warp.sync -1;\n", warps = "bar.sync 0;\n";
  const auto run_on = [](const std::string& instructions) { run(instructions, count_up(64), 64); };
  run_on(write + lanes + read_next + lanes + write);
  run_on(write + warps + read_far + warps + write);
  EXPECT_DEATH(run_on(write + read_next), "a race");
  EXPECT_DEATH(run_on(write + lanes + read_next + write), "a race");
  EXPECT_DEATH(run_on(write + lanes + read_far), "a race");
  EXPECT_DEATH(run_on(write + warps + read_far + lanes + write), "a race");
  unsetenv("CUDA_EMULATION_PTX_RACES");
}

// A product of a warpgroup is not done before it was waited for, and its operands stay until then.
TEST(Ptx, ProductsAreWaitedFor) {
  std::string product = "wgmma.fence.sync.aligned;\nmov.u64 %rd3, 0x4000000100000000;\n";
  product += "mov.u32 %r2, memory;\nadd.s32 %r2, %r2, 1023;\nand.b32 %r2, %r2, -1024;\n";
  product += "shr.u32 %r3, %r2, 4;\ncvt.u64.u32 %rd4, %r3;\nor.b64 %rd3, %rd3, %rd4;\n";
  product += "wgmma.mma_async.sync.aligned.m64n32k16.f32.f16.f16 {%f0";
  for (int i = 1; i < 16; ++i) product += ", %f" + std::to_string(i);
  product += "}, {%r10, %r11, %r12, %r13}, %rd3, 1, 1, 1, 0;\n";
  const std::string commit = "wgmma.commit_group.sync.aligned;\n";
  const std::string wait = "wgmma.wait_group.sync.aligned 0;\n";
  const auto run_on = [](const std::string& instructions) {
    run(instructions, count_up(128), 128);
  };
  run_on(product + commit + wait);
  EXPECT_DEATH(run_on(product), "did not wait for");
  EXPECT_DEATH(run_on(product + commit + "mov.u32 %r11, 0;\n" + wait), "registers of a product");
  EXPECT_DEATH(run_on(product + commit + "st.shared.u32 [%r2], %r1;\n" + wait),
               "shared memory that a product reads");
}

}  // namespace
}  // namespace linnet::ptx
