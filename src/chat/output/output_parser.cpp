#include "chat/output/output_parser.hpp"

#include "chat/output/harmony_parser.hpp"
#include "chat/output/marked_parser.hpp"

namespace linnet {

std::unique_ptr<OutputParser> make_output_parser(const OutputFormat& format,
                                                 const OutputOptions& options) {
  if (format.is_harmony) return std::make_unique<HarmonyParser>(options);
  return std::make_unique<MarkedParser>(format, options);
}

}  // namespace linnet
