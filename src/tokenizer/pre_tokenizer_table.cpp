#include <algorithm>
#include <array>

#include "tokenizer/pre_tokenizer.hpp"

namespace linnet {
namespace {

// The patterns of the vocabularies' own tokenizers (`pre_tokenizer` in their tokenizer.json), in
// PCRE2's syntax: classes with && are rewritten as one negated class, and characters beyond ASCII
// stand as \x{...}. The names are llama.cpp's. Where merges are ignored for whole words, the
// vocabulary comes from tiktoken, which does so.
using Step = PreTokenizerStep;

constexpr std::string_view kGpt2Words =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

constexpr std::string_view kQwen2Words =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

// o200k; marks belong to the letters.
constexpr std::string_view kGpt4oWords =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::string_view kDeepSeek3Words =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
    R"(| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::string_view kBloomWords =
    R"( ?[^(\s|.,!?\x{2026}\x{3002}\x{FF0C}\x{3001}\x{0964}\x{06D4}\x{060C})]+)";

constexpr std::string_view kHanAndKana =
    R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)";
constexpr std::string_view kHanAndMore =
    R"([\x{4E00}-\x{9FA5}\x{0800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";
constexpr std::string_view kLines = R"([^\n]+|[\n]+)";

constexpr Step kGpt2[] = {{kGpt2Words}};
constexpr Step kDigitsThenGpt2[] = {{R"(\p{N})"}, {kGpt2Words}};
constexpr Step kFalcon[] = {{R"([\p{P}$+<=>^~|`]+)"}, {kGpt2Words}, {R"([0-9][0-9][0-9])"}};
constexpr Step kDefault[] = {
    {R"([\p{P}$+<=>^~|]+)"}, {kGpt2Words}, {R"(\p{N}+)"}, {R"([0-9][0-9][0-9])"}};

constexpr Step kLlama3[] = {
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
     R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"}};
constexpr std::string_view kJais2Words =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S))"
    R"(|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})";
constexpr Step kJais2[] = {{"", cut_spaces_by_512}, {kJais2Words}};
constexpr Step kMiniCpm5[] = {
    {R"(\p{N}{1,3})"},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*)"
     R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"}};

constexpr Step kQwen2[] = {{kQwen2Words}};
constexpr Step kQwen35[] = {{R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N})"
                             R"(| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}};
constexpr Step kUfakzeka[] = {
    {R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}};
constexpr Step kLaguna[] = {{kLines}, {kQwen2Words}};
constexpr Step kBailing[] = {
    {R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*)"
     R"(|\s*[\r\n]|\s+(?!\S)|\s+)"}};
constexpr Step kSeedCoder[] = {
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+)"
     R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"}};
// The letters are (?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+ in the original; this form has no nested
// repetition and matches the same.
constexpr Step kExaoneMoe[] = {
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}(?:[\p{L}\p{M}]++| \p{L})*+)"
     R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)"}};

constexpr Step kGpt4o[] = {{kGpt4oWords}};
constexpr Step kTinyAya[] = {{"", cut_word_end_digits_in_threes}, {kGpt4oWords}};
constexpr Step kTekken[] = {
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
     R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
     R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}};
// Kimi K2 keeps Han apart from other letters.
constexpr Step kKimiK2[] = {
    {R"(\p{sc:Han}+)"
     R"(|[^\r\n\p{L}\p{N}]?[^\p{C}\p{Z}\p{N}\p{P}\p{S}\p{Ll}\p{sc:Han}]*)"
     R"([^\p{C}\p{Z}\p{N}\p{P}\p{S}\p{Lu}\p{Lt}\p{sc:Han}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
     R"(|[^\r\n\p{L}\p{N}]?[^\p{C}\p{Z}\p{N}\p{P}\p{S}\p{Ll}\p{sc:Han}]+)"
     R"([^\p{C}\p{Z}\p{N}\p{P}\p{S}\p{Lu}\p{Lt}\p{sc:Han}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
     R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}};
constexpr Step kYoutu[] = {
    {R"([\x{AC00}-\x{D7A3}\x{3131}-\x{318E}]+)"
     R"(|[\x{FF01}\x{2026}\x{201C}\x{201D}\x{2018}\x{2019}\x{2014}\x{FF1A}\x{FF1B}\x{FF0C})"
     R"(\x{3001}-\x{303F}\x{FE30}-\x{FE4F}]+|[\x{3105}-\x{312F}]+)"
     R"(|[\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)"},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
     R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
     R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}};

constexpr Step kDeepSeekLlm[] = {
    {R"([\r\n])"},
    // The cased letters, as the list in the tokenizer has them.
    {R"(\s?[A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293})"
     R"(\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A})"
     R"(\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556})"
     R"(\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF})"
     R"(\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D})"
     R"(\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D})"
     R"(\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4})"
     R"(\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4})"
     R"(\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124})"
     R"(\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F})"
     R"(\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4})"
     R"(\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F})"
     R"(\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17})"
     R"(\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3})"
     R"(\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF})"
     R"(\x{1E900}-\x{1E943}]+)"},
    {R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)"},
    {R"(\s+$)"},
    {kHanAndMore},
    {R"(\p{N}+)"}};
constexpr Step kDeepSeekCoder[] = {
    {R"([\r\n])"}, {R"(\s?\p{L}+)"}, {R"(\s?\p{P}+)"}, {kHanAndMore}, {R"(\p{N})"}};
constexpr Step kDeepSeek3[] = {{R"(\p{N}{1,3})"}, {kHanAndKana}, {kDeepSeek3Words}};
constexpr Step kSpark25[] = {
    {R"(\p{N}{1,3})"},
    {kHanAndKana},
    {R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
     R"(| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+)"},
    {R"(\p{N})"}};
constexpr Step kAfmoe[] = {
    {"", cut_numbers_in_threes},
    {R"([\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{F900}-\x{FAFF}\x{3040}-\x{309F}\x{30A0}-\x{30FF})"
     R"(\x{FF65}-\x{FF9F}\x{2F00}-\x{2FDF}\x{0E40}-\x{0E7F}\x{0E80}-\x{0EFF}\x{1780}-\x{17FF})"
     R"(\x{1000}-\x{109F}\x{AA60}-\x{AA7F}\x{A9E0}-\x{A9FF}\x{AC00}-\x{D7AF}\x{1100}-\x{11FF}]+)"},
    {kDeepSeek3Words}};

constexpr Step kBloom[] = {{kBloomWords}};
constexpr Step kViking[] = {{kBloomWords}, {R"(\p{N})"}};
constexpr Step kSuperBpe[] = {{R"(\p{N}+)"}, {"", cut_before_groups_of_three}};
constexpr Step kChameleon[] = {
    {R"(<sentinel:[0-9]+>)"},    {R"((IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z)"},
    {R"(([\t\n]|    |  ))"},     {R"(\p{N})"},
    {R"([\p{P}!-/:-@\[-`{-~])"}, {kGpt2Words}};

// In the table: what the steps are, and what else is special.
constexpr PreTokenizerSpec plain(std::string_view name, std::span<const Step> steps) {
  return {.name = name, .steps = steps};
}
constexpr PreTokenizerSpec nfc(std::string_view name, std::span<const Step> steps) {
  return {.name = name, .steps = steps, .normalises = true};
}
constexpr PreTokenizerSpec whole_words(std::string_view name, std::span<const Step> steps) {
  return {.name = name, .steps = steps, .ignores_merges = true};
}
constexpr PreTokenizerSpec whole_words_bos(std::string_view name, std::span<const Step> steps) {
  return {.name = name, .steps = steps, .ignores_merges = true, .adds_bos = true};
}
constexpr PreTokenizerSpec escaped(std::string_view name, bool adds_bos) {
  return {.name = name, .steps = {}, .adds_bos = adds_bos, .escapes_spaces = true};
}

constexpr std::array kPreTokenizers = {
    plain("default", kDefault),
    plain("gpt-2", kGpt2),
    plain("phi-2", kGpt2),
    plain("jina-es", kGpt2),
    plain("jina-de", kGpt2),
    plain("jina-v1-en", kGpt2),
    plain("jina-v2-es", kGpt2),
    plain("jina-v2-de", kGpt2),
    plain("jina-v2-code", kGpt2),
    plain("roberta-bpe", kGpt2),
    plain("gigachat", kGpt2),
    plain("a.x-4.0", kGpt2),
    plain("mellum", kGpt2),
    nfc("modern-bert", kGpt2),
    nfc("mpt", kGpt2),
    nfc("olmo", kGpt2),
    plain("jais", kGpt2),
    plain("trillion", kGpt2),
    plain("granite-docling", kGpt2),
    plain("exaone4", kGpt2),
    plain("starcoder", kDigitsThenGpt2),
    plain("refact", kDigitsThenGpt2),
    nfc("command-r", kDigitsThenGpt2),
    plain("smollm", kDigitsThenGpt2),
    plain("codeshell", kDigitsThenGpt2),
    plain("exaone", kDigitsThenGpt2),
    plain("minerva-7b", kDigitsThenGpt2),
    plain("mellum2", kDigitsThenGpt2),
    plain("falcon", kFalcon),
    whole_words_bos("llama3", kLlama3),
    whole_words_bos("llama-v3", kLlama3),
    whole_words_bos("llama-bpe", kLlama3),
    whole_words_bos("falcon3", kLlama3),
    whole_words_bos("falcon-h1", kLlama3),
    whole_words_bos("pixtral", kLlama3),
    whole_words_bos("midm-2.0", kLlama3),
    whole_words_bos("lfm2", kLlama3),
    whole_words_bos("jina-v5-nano", kLlama3),
    plain("dbrx", kLlama3),
    plain("smaug-bpe", kLlama3),
    whole_words("glm4", kLlama3),
    whole_words("chatglm-bpe", kLlama3),
    plain("jais-2", kJais2),
    whole_words("minicpm5", kMiniCpm5),
    nfc("qwen2", kQwen2),
    nfc("deepseek-r1-qwen", kQwen2),
    nfc("megrez", kQwen2),
    nfc("f2llmv2", kQwen2),
    plain("kormo", kQwen2),
    nfc("stablelm2", kQwen2),
    PreTokenizerSpec{
        .name = "hunyuan", .steps = kQwen2, .normalises = true, .ignores_merges = true},
    plain("solar-open", kQwen2),
    whole_words("grok-2", kQwen2),
    nfc("qwen35", kQwen35),
    plain("ufakzeka", kUfakzeka),
    plain("laguna", kLaguna),
    plain("bailingmoe", kBailing),
    plain("bailingmoe2", kBailing),
    plain("llada-moe", kBailing),
    plain("seed-coder", kSeedCoder),
    plain("exaone-moe", kExaoneMoe),
    whole_words("gpt-4o", kGpt4o),
    whole_words("llama4", kGpt4o),
    whole_words("kanana2", kGpt4o),
    whole_words("talkie", kGpt4o),
    plain("minimax-m2", kGpt4o),
    whole_words("granite-embed-multi-97m", kGpt4o),
    plain("tiny_aya", kTinyAya),
    plain("cohere2moe", kTinyAya),
    whole_words_bos("tekken", kTekken),
    PreTokenizerSpec{
        .name = "kimi-k2", .steps = kKimiK2, .ignores_merges = true, .ranks_by_id = true},
    whole_words("youtu", kYoutu),
    plain("deepseek-llm", kDeepSeekLlm),
    plain("deepseek-coder", kDeepSeekCoder),
    plain("deepseek-v3", kDeepSeek3),
    plain("hunyuan-dense", kDeepSeek3),
    plain("joyai-llm", kDeepSeek3),
    plain("hy_v4", kDeepSeek3),
    plain("spark2_5", kSpark25),
    plain("afmoe", kAfmoe),
    plain("poro-chat", kBloom),
    plain("bloom", kBloom),
    plain("gpt3-finnish", kBloom),
    plain("viking", kViking),
    plain("superbpe", kSuperBpe),
    PreTokenizerSpec{.name = "chameleon", .steps = kChameleon, .adds_bos = true},
    escaped("gemma4", true),
    escaped("granite-embed-multi-311m", true),
    escaped("sarvam-moe", false),
};

}  // namespace

std::span<const PreTokenizerSpec> known_pre_tokenizers() { return kPreTokenizers; }

const PreTokenizerSpec* find_pre_tokenizer(std::string_view name) {
  const auto* found = std::find_if(kPreTokenizers.begin(), kPreTokenizers.end(),
                                   [&](const PreTokenizerSpec& spec) { return spec.name == name; });
  return found == kPreTokenizers.end() ? nullptr : found;
}

}  // namespace linnet
