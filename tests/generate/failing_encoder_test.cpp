// A picture whose encoder fails ends its own text; those beside it go on.

#include <gtest/gtest.h>

#include <limits>

#include "backend/cpu/cpu_backend.hpp"
#include "generate/scheduler.hpp"
#include "support/media_prompt.hpp"
#include "support/mmproj_file.hpp"

namespace linnet {
namespace {

using test::greedy;
using test::Text;

constexpr std::int64_t kPages = 32;

// Of the encoder alone: it meets an error when it is asked for its status once too often.
class FailingBackend final : public cpu::CpuBackend {
 public:
  FailingBackend() : CpuBackend(1, cpu::choose_kernels()) {}

  Status status() override {
    if (fails_after_ > 0) {
      --fails_after_;
      return {};
    }
    has_failed_ = true;
    return Error{"the encoder's device is lost"};
  }

  void fail_after(int questions) {
    fails_after_ = questions;
    has_failed_ = false;
  }
  bool has_failed() const { return has_failed_; }

 private:
  int fails_after_ = std::numeric_limits<int>::max();
  bool has_failed_ = false;
};

// The scheduler of a model whose pictures are encoded by a backend of their own.
class FailingEncoderTest : public testing::Test {
 protected:
  FailingEncoderTest() {
    EXPECT_TRUE(test::write_mmproj(folder_ / "mmproj.gguf", test::kBundledWidth));
    file_ = test::bundled_model_with(folder_ / "mmproj.gguf");
    WeightLoader loader(file_->file(), *backend_);
    model_ = *Model::load(file_->spec(), loader, *backend_, {64, 8});
    WeightLoader vision_loader(file_->vision()->file(), failing_);
    vision_ = *VisionModel::load(file_->vision()->spec(), vision_loader, failing_);
    memory_.pages = kPages;
    memory_.kv = *model_->make_kv_store(KvType::kF16, kPages);
    scheduler_.emplace(*model_, *backend_, memory_);
    scheduler_->encode_media_with({.vision = vision_.get()});
  }

  // Of another picture each time, which the cache does not know.
  GenerateRequest with_picture(int number) const {
    Image image = filled(64, 48, kWhite);
    image.pixels[static_cast<std::size_t>(number)] = 0;
    return test::greedy_around(std::make_shared<const Medium>(make_picture(
                                   file_->vision()->spec(), file_->spec().vocabulary, image)),
                               5);
  }

  void submit(GenerateRequest request, Text& text) {
    request.on_token = [&text](std::int32_t token) { return text.tokens.push_back(token), true; };
    request.on_finish = [&text](const Result<FinishReason>& ending) {
      if (ending) text.reason = *ending;
      if (!ending) text.error = ending.error().message;
    };
    scheduler_->submit(std::move(request));
  }
  void finish() {
    while (!scheduler_->idle()) {
      const Status status = scheduler_->step();
      ASSERT_TRUE(status) << status.error().message;
    }
  }

  const test::TemporaryFolder folder_;
  std::unique_ptr<ModelFile> file_;
  FailingBackend failing_;
  const std::unique_ptr<Backend> backend_ = make_cpu_backend(1);
  std::unique_ptr<Model> model_;
  std::unique_ptr<VisionModel> vision_;
  SequenceMemory memory_;
  std::optional<Scheduler> scheduler_;
};

TEST_F(FailingEncoderTest, ATextBesideItGoesOn) {
  const auto sound = *Engine::load(*file_, test::TinyModel::options(), kPages * kPageTokens);
  const GenerateRequest plain = greedy({1, 2, 3, 4}, 40);
  const std::vector<TokenId> expected = test::run(*sound, plain).tokens;
  int failed = 0;
  for (bool has_failed = true; has_failed;) {
    Text beside, first, second;
    submit(plain, beside);
    ASSERT_TRUE(scheduler_->step());
    failing_.fail_after(failed);
    submit(with_picture(2 * failed), first);
    while (!failing_.has_failed() && first.tokens.empty()) ASSERT_TRUE(scheduler_->step());
    has_failed = failing_.has_failed();
    failing_.fail_after(std::numeric_limits<int>::max());
    submit(with_picture(2 * failed + 1), second);
    finish();
    EXPECT_EQ(beside.tokens, expected) << failed;
    EXPECT_EQ(second.tokens, test::run(*sound, with_picture(2 * failed + 1)).tokens) << failed;
    EXPECT_EQ(first.error, has_failed ? "the encoder's device is lost" : "") << failed;
    EXPECT_EQ(first.tokens.size(), has_failed ? 0u : 5u) << failed;
    EXPECT_EQ(scheduler_->free_pages(), scheduler_->pages()) << failed;
    failed += has_failed ? 1 : 0;
  }
  EXPECT_GE(failed, 3);  // at the patches, at a layer, at what the text model reads
}

}  // namespace
}  // namespace linnet
