#include "chat/output/output_format.hpp"

#include <gtest/gtest.h>

#include "chat/output/answer_text.hpp"

namespace linnet {
namespace {

TEST(OutputFormatTest, KnowsItsMarkers) {
  const OutputFormat qwen = detect_output_format(kQwen);
  EXPECT_TRUE(is_marker(qwen, "<tool_call>"));
  EXPECT_TRUE(is_marker(qwen, "</think>"));
  EXPECT_FALSE(is_marker(qwen, "<|im_end|>"));
  EXPECT_TRUE(is_marker(detect_output_format(kHarmony), "<|channel|>"));
  EXPECT_TRUE(is_marker(detect_output_format("[TOOL_CALLS]"), "[ARGS]"));
  EXPECT_FALSE(is_marker(qwen, "[ARGS]")) << "that of another family";
  EXPECT_TRUE(ends_in_reasoning(qwen, "<|im_start|>assistant\n<think>\n"));
  EXPECT_FALSE(ends_in_reasoning(qwen, "<think></think>"));
  EXPECT_FALSE(ends_in_reasoning(detect_output_format(""), "x"));
}

}  // namespace
}  // namespace linnet
