#include "image/decode.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/machine.hpp"
#include "image/support.hpp"
#include "support/mutated_bytes.hpp"
#include "support/resource_limit.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;
using testing::StartsWith;

std::string picture(const std::string& name) {
  return test::read_file(test::kGolden / "decode" / name);
}

Result<Image> decode(const std::string& file, const ImageLimits& limits = {}) {
  return decode_image(test::bytes_of(file), limits);
}

std::string error_of(const std::string& file, const ImageLimits& limits = {}) {
  const auto image = decode(file, limits);
  return image ? "no error" : image.error().message;
}

class DecodePictureTest : public testing::TestWithParam<std::string> {};

TEST_P(DecodePictureTest, GivesThePixelsOfPillow) {
  const auto image = decode(picture(GetParam()));
  ASSERT_TRUE(image) << image.error().message;
  const Image expected = test::read_ppm(test::kGolden / "decode" / (GetParam() + ".ppm"));
  EXPECT_EQ(image->width, expected.width);
  EXPECT_EQ(image->height, expected.height);
  EXPECT_EQ(image->pixels, expected.pixels);
}

// Animations need no more than their first frame.
TEST_P(DecodePictureTest, CutAnywhereIsAnError) {
  if (GetParam() == "animation.gif") GTEST_SKIP();
  const std::string whole = picture(GetParam());
  for (std::size_t size_bytes = 0; size_bytes < whole.size(); ++size_bytes) {
    // Exactly so many bytes, so that a sanitizer notices what reads on.
    const std::string cut(whole.data(), size_bytes);
    const std::string error = error_of(cut);
    if (size_bytes >= 30) {
      EXPECT_THAT(error, HasSubstr(": is cut short after " + std::to_string(size_bytes) + " bytes"))
          << size_bytes << " of " << whole.size();
    }
    EXPECT_NE(error, "no error") << size_bytes << " of " << whole.size();
  }
}

TEST_P(DecodePictureTest, DamagedIsAPictureOrAnError) {
  const std::string whole = picture(GetParam());
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const auto image = decode(test::MutatedBytes(whole, seed).damaged(), {.most_pixels = 100'000});
    if (image) {
      EXPECT_LE(std::int64_t{image->width} * image->height, 100'000) << "seed " << seed;
      EXPECT_EQ(image->pixels.size(), std::size_t{3} * image->width * image->height);
    } else {
      EXPECT_THAT(image.error().message, HasSubstr(": ")) << "seed " << seed;
    }
  }
}

TEST_P(DecodePictureTest, IsRefusedWhereOnePixelFewerIsAllowed) {
  const std::string file = picture(GetParam());
  const auto image = decode(file);
  ASSERT_TRUE(image) << image.error().message;
  const std::int64_t pixels = std::int64_t{image->width} * image->height;
  EXPECT_TRUE(decode(file, {.most_pixels = pixels}));
  EXPECT_THAT(error_of(file, {.most_pixels = pixels - 1}),
              HasSubstr("pixels, which is more than the " + std::to_string(pixels - 1)));
}

INSTANTIATE_TEST_SUITE_P(Golden, DecodePictureTest, testing::ValuesIn(test::pictures()),
                         test::test_name<std::string>);

TEST(DecodeTest, ThereArePicturesOfAllKinds) {
  EXPECT_TRUE(test::have_endings(test::pictures(), {".jpg", ".png", ".webp", ".gif"}));
}

TEST(DecodeTest, OfOtherFilesTheFirstBytesAreTold) {
  EXPECT_EQ(error_of(""), "picture: is empty");
  EXPECT_EQ(error_of("%PDF-1.4"),
            "picture: is neither JPEG, PNG, WebP nor GIF (it begins with 25 50 44 46)");
  EXPECT_EQ(error_of("\xff"), "picture: is neither JPEG, PNG, WebP nor GIF (it begins with ff)");
  EXPECT_THAT(error_of("RIFF\x24\x08\x01\x00WAVEfmt "), StartsWith("picture: is neither"));
}

TEST(DecodeTest, ErrorsBeginWithTheKind) {
  EXPECT_EQ(error_of("\xff\xd8\xff"), "JPEG: is cut short after 3 bytes");
  EXPECT_EQ(error_of("\x89PNG\r\n\x1a\n"), "PNG: is cut short after 8 bytes");
  EXPECT_EQ(error_of("GIF89a"), "GIF: is cut short after 6 bytes");
  EXPECT_EQ(error_of("RIFF\x04WEBP"),
            "picture: is neither JPEG, PNG, WebP nor GIF (it begins with "
            "52 49 46 46)");
  EXPECT_EQ(error_of(std::string("RIFF\x04\0\0\0WEBP", 12)), "WebP: is cut short after 12 bytes");
}

// The picture with other bytes where `old` is.
std::string changed(const std::string& name, const std::string& old, const std::string& with) {
  std::string file = picture(name);
  const std::size_t at = file.find(old);
  EXPECT_NE(at, file.npos) << name;
  return at == file.npos ? "" : file.replace(at, old.size(), with);
}

TEST(DecodeTest, OfDamagedPicturesTheLibraryTellsWhatIsWrong) {
  EXPECT_EQ(error_of(changed("colour-420.jpg", "\xff\xc0", "\xff\xc3")),
            "JPEG: cannot be decoded: Unsupported JPEG process: SOF type 0xc3");
  EXPECT_EQ(error_of(changed("colour-420.jpg", "\xff\xc0", "\xff\xc9")),
            "JPEG: cannot be decoded: its coding is arithmetic");
  EXPECT_EQ(error_of(changed("rgb-8.png", "IDAT", "IDAU")),
            "PNG: cannot be decoded: IDAU: CRC error");
  EXPECT_EQ(error_of(changed("lossless.webp", "/", "0")),
            "WebP: cannot be decoded: its chunks are damaged");
  EXPECT_EQ(error_of(changed("offset.gif", ",", ";")), "GIF: cannot be decoded: it has no picture");
}

// The pixels end before the file does, where libjpeg would put grey ones.
TEST(DecodeTest, MissingPixelsAreAnError) {
  std::string file = picture("colour-444.jpg");
  file.erase(file.size() - 40, 38);
  EXPECT_EQ(error_of(file),
            "JPEG: cannot be decoded: Corrupt JPEG data: premature end of data segment");
}

// Before the end marker, as some cameras write it.
TEST(DecodeTest, BytesThatMeanNothingAreNoError) {
  std::string file = picture("colour-444.jpg");
  const auto image = decode(file);
  file.insert(file.size() - 2, 16, '\0');
  const auto other = decode(file);
  ASSERT_TRUE(image && other) << other.error().message;
  EXPECT_EQ(*image, *other);
}

TEST(DecodeTest, ScansAreCounted) {
  const std::string file = picture("progressive.jpg");
  const std::size_t begin = file.find("\xff\xda", file.find("\xff\xda") + 1);
  const std::size_t end = file.find("\xff\xc4", begin);  // where the tables of the next one begin
  ASSERT_NE(end, file.npos);
  const auto with_scans = [&](int more) {
    std::string scans = file.substr(0, end);
    for (int i = 0; i < more; ++i) scans += file.substr(begin, end - begin);
    return scans + file.substr(end);
  };
  EXPECT_EQ(error_of(with_scans(90)), "no error");  // and the ten that it has
  EXPECT_EQ(error_of(with_scans(91)), "JPEG: cannot be decoded: more than 100 scans");
}

std::string big_endian(int number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
}

// A grey picture of `blocks` x `blocks` blocks, in scans that hold nothing: each is one run of ends
// of blocks after the other (ITU-T T.81, G.1.2.2).
std::string grey_jpeg(int blocks, int scans) {
  constexpr int kLongestRun = 32767;
  std::string bits;
  for (int left = blocks * blocks; left > 0; left -= kLongestRun)
    bits += "0" + std::string(14, '1');
  bits.append(-bits.size() % 8, '1');
  std::string runs;
  for (std::size_t i = 0; i < bits.size(); i += 8) {
    const auto byte = static_cast<char>(std::stoi(bits.substr(i, 8), nullptr, 2));
    runs += byte;
    if (byte == '\xff') runs += '\0';
  }
  const std::string side = big_endian(8 * blocks);
  std::string file = "\xff\xd8\xff\xdb"s + big_endian(67) + '\0' + std::string(64, '\1');
  file += "\xff\xc2"s + big_endian(11) + '\x08' + side + side + "\1\1\x11\0"s;
  file += "\xff\xc4"s + big_endian(20) + "\x10\1"s + std::string(15, '\0') + '\xe0';
  for (int i = 0; i < scans; ++i) file += "\xff\xda"s + big_endian(8) + "\1\1\0\1\x3f\0"s + runs;
  return file + "\xff\xd9";
}

TEST(DecodeTest, LargePicturesHaveFewerScans) {
  EXPECT_EQ(error_of(grey_jpeg(8, 100)), "no error");
  EXPECT_THAT(error_of(grey_jpeg(8, 101)), HasSubstr("more than 100 scans"));
  EXPECT_THAT(error_of(grey_jpeg(704, 21)), HasSubstr("more than 20 scans"));
}

TEST(DecodeTest, OfAnAnimationOnlyTheFirstFrameIsRead) {
  const std::string whole = picture("animation.gif");
  const auto image = decode(whole), cut = decode(whole.substr(0, whole.size() - 10));
  ASSERT_TRUE(image && cut) << cut.error().message;
  EXPECT_EQ(*image, *cut);
}

// Each would be 1 MiB long if it were read.
TEST(DecodeTest, TextsTakeNoMemory) {
  std::string file = picture("chunks.png");
  const std::size_t begin = file.find("zTXt") - 4, end = file.find("iCCP") - 4;
  const std::string text = file.substr(begin, end - begin);
  for (int i = 0; i < 200; ++i) file.insert(begin, text);
  const std::int64_t before = peak_memory_bytes();
  EXPECT_EQ(error_of(file), "no error");
  EXPECT_LT(peak_memory_bytes() - before, 64 << 20);
}

class TooLargeTest : public testing::TestWithParam<std::string> {
 protected:
  const std::string file_ = test::read_file(test::kGolden / "refused" / GetParam());
};

TEST_P(TooLargeTest, IsRefusedBeforeItsMemoryIsTaken) {
  const test::AddressSpaceLimit limit(std::int64_t{1} << 30);
  EXPECT_THAT(error_of(file_), HasSubstr("pixels, which is more than the 64000000 that"));
}

TEST_P(TooLargeTest, IsAnErrorWhereThereIsNoMemoryForIt) {
  if (test::kHasSanitizer) GTEST_SKIP() << "takes it all";
  const test::AddressSpaceLimit limit(std::int64_t{1} << 30);
  EXPECT_THAT(error_of(file_, {.most_pixels = std::int64_t{1} << 62}),
              testing::EndsWith(": out of memory"));
}

INSTANTIATE_TEST_SUITE_P(Golden, TooLargeTest,
                         testing::ValuesIn(test::file_names(test::kGolden / "refused")),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
