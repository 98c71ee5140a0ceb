#pragma once

namespace linnet::test {

/// A name server that does not answer: whoever looks "silent.test" up in this program waits until
/// end_silence(), or a minute.
bool silence_has_begun();
bool silence_has_ended();
void end_silence();

}  // namespace linnet::test
