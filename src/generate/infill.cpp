#include "generate/infill.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <string_view>

namespace linnet {
namespace {

// Families by the pieces of their tokens. Codestral has no middle:
// https://github.com/mistralai/cookbook/blob/main/concept-deep-dive/tokenization/chat_templates.md
struct Pieces {
  std::string_view prefix, suffix, middle;
};
constexpr std::array kFamilies = {
    Pieces{"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},
    Pieces{"<fim-prefix>", "<fim-suffix>", "<fim-middle>"},
    Pieces{"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},
    Pieces{"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"},
    Pieces{"<PRE>", "<SUF>", "<MID>"},
    Pieces{"▁<PRE>", "▁<SUF>", "▁<MID>"},
    Pieces{"<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"},
    Pieces{"<|prefix|>", "<|suffix|>", "<|middle|>"},
    Pieces{"[PREFIX]", "[SUFFIX]", ""},
};
constexpr std::array<std::string_view, 5> kRepositories = {"<|fim_repo|>", "<|repo_name|>",
                                                           "<fim-repo>", "<REPO>", "<reponame>"};
constexpr std::string_view kFile = "<|file_sep|>";

// What stands before a file if the vocabulary has no token for that, and if nobody has said
// what the repository and the text are called; llama.cpp writes the same.
constexpr std::string_view kSnippet = "\n\n--- snippet ---\n\n";
constexpr std::string_view kRepositoryName = "myproject\n";
constexpr std::string_view kTextName = "filename\n";

// Of equal pieces the first. All at once, because a tokenizer finds no token by its piece.
class TokensByPiece {
 public:
  explicit TokensByPiece(const Tokenizer& tokenizer) {
    for (const auto& [prefix, suffix, middle] : kFamilies) {
      for (const std::string_view piece : {prefix, suffix, middle}) ids_[piece];
    }
    for (const std::string_view piece : kRepositories) ids_[piece];
    ids_[kFile];
    for (TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
      const auto wanted = ids_.find(tokenizer.piece(id));
      if (wanted != ids_.end() && !wanted->second) wanted->second = id;
    }
  }

  std::optional<TokenId> find(std::string_view piece) const { return ids_.at(piece); }

 private:
  std::map<std::string_view, std::optional<TokenId>> ids_;
};

// The id at the first of `keys` that the file has.
Result<std::optional<TokenId>> token_at(const gguf::File& file, std::int64_t vocabulary,
                                        std::initializer_list<const char*> keys) {
  for (const char* const name : keys) {
    const std::string key = fmt::format("tokenizer.ggml.{}_token_id", name);
    const auto id = file.integer(key);
    if (!id) return id.error();
    if (!*id || **id == -1 || **id == 0xffffffffLL) continue;  // that there is none
    if (**id < 0 || **id >= vocabulary) {
      return Error{fmt::format("{}: {} is {}, expected a token below {}", file.path().string(), key,
                               **id, vocabulary)};
    }
    return std::optional<TokenId>(static_cast<TokenId>(**id));
  }
  return std::optional<TokenId>();
}

struct NamedTokens {
  std::optional<TokenId> prefix, suffix, middle, repository, file;
};

// The second names are older.
Result<NamedTokens> read_named(const gguf::File& file, std::int64_t vocabulary) {
  NamedTokens named;
  struct Name {
    std::optional<TokenId> NamedTokens::*token;
    std::initializer_list<const char*> keys;
  };
  for (const Name& name :
       {Name{&NamedTokens::prefix, {"fim_pre", "prefix"}},
        Name{&NamedTokens::suffix, {"fim_suf", "suffix"}},
        Name{&NamedTokens::middle, {"fim_mid", "middle"}},
        Name{&NamedTokens::repository, {"fim_rep"}}, Name{&NamedTokens::file, {"fim_sep"}}}) {
    const auto id = token_at(file, vocabulary, name.keys);
    if (!id) return id.error();
    named.*name.token = *id;
  }
  return named;
}

std::optional<InfillTokens> find_family(const TokensByPiece& pieces) {
  for (const Pieces& family : kFamilies) {
    const auto prefix = pieces.find(family.prefix), suffix = pieces.find(family.suffix);
    const auto middle = family.middle.empty() ? std::nullopt : pieces.find(family.middle);
    if (!prefix || !suffix || (!middle && !family.middle.empty())) continue;
    return InfillTokens{*prefix, *suffix, middle, {}, {}};
  }
  return std::nullopt;
}

// Puts the parts of a prompt one after the other.
class PromptWriter {
 public:
  PromptWriter(const Tokenizer& tokenizer, const std::function<bool()>* is_given_up)
      : tokenizer_(tokenizer), is_given_up_(is_given_up) {}

  void add(std::optional<TokenId> token) {
    if (token) ids_.push_back(*token);
  }
  void add(std::string_view text, std::string_view name) {
    if (text.empty() || !status_) return;
    const auto ids = tokenizer_.encode(
        text,
        {.add_special = false, .parse_special = false, .plain = {}, .is_given_up = is_given_up_});
    if (!ids) {
      status_ = Error{fmt::format("{}: {}", name, ids.error().message)};
      return;
    }
    ids_.insert(ids_.end(), ids->begin(), ids->end());
  }
  Result<std::vector<TokenId>> take() {
    if (!status_) return status_.error();
    return std::move(ids_);
  }

 private:
  const Tokenizer& tokenizer_;
  const std::function<bool()>* is_given_up_;
  std::vector<TokenId> ids_;
  Status status_;
};

// https://arxiv.org/abs/2409.12186, in the section on repositories
void add_files(const InfillTokens& tokens, const InfillText& text, PromptWriter& prompt) {
  if (text.files.empty()) return;
  if (tokens.repository && tokens.file) {
    prompt.add(tokens.repository);
    prompt.add(kRepositoryName, "the repository");
  }
  for (const InfillText::File& file : text.files) {
    prompt.add(tokens.file);
    prompt.add(tokens.file ? file.name + "\n" : std::string(kSnippet), "the name of a file");
    prompt.add(file.text, "a file");
  }
  prompt.add(tokens.file);
  if (tokens.file) prompt.add(kTextName, "the name of the text");
}

}  // namespace

Result<std::optional<InfillTokens>> read_infill_tokens(const gguf::File& file,
                                                       const Tokenizer& tokenizer) {
  const auto named = read_named(file, tokenizer.vocabulary_size());
  if (!named) return named.error();
  const TokensByPiece pieces(tokenizer);
  std::optional<InfillTokens> tokens;
  if (named->prefix && named->suffix && named->middle) {
    tokens = {*named->prefix, *named->suffix, named->middle, {}, {}};
  } else {
    tokens = find_family(pieces);
  }
  if (!tokens) return tokens;
  tokens->repository = named->repository;
  for (const std::string_view piece : kRepositories) {
    if (!tokens->repository) tokens->repository = pieces.find(piece);
  }
  tokens->file = named->file ? named->file : pieces.find(kFile);
  return tokens;
}

Result<std::vector<TokenId>> encode_infill(const Tokenizer& tokenizer, const InfillTokens& tokens,
                                           const InfillText& text,
                                           const std::function<bool()>* is_given_up) {
  PromptWriter prompt(tokenizer, is_given_up);
  // The vocabulary's BOS, if it asks for one, comes first; nothing that ends a text comes last.
  const auto bos = tokenizer.bos();
  if (bos && std::ranges::count(tokenizer.around().before, *bos) > 0) prompt.add(bos);
  add_files(tokens, text, prompt);
  if (tokens.middle) {
    prompt.add(tokens.prefix);
    prompt.add(text.prefix, "the text before the hole");
  }
  prompt.add(tokens.suffix);
  prompt.add(text.suffix, "the text behind the hole");
  if (!tokens.middle) {
    prompt.add(tokens.prefix);
    prompt.add(text.prefix + text.begun, "the text before the hole");
  } else {
    prompt.add(tokens.middle);
    prompt.add(text.begun, "the beginning of what is filled in");
  }
  return prompt.take();
}

}  // namespace linnet
