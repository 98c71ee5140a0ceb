// Bad usage: exit status 2, an explanation on stderr, nothing on stdout.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "support/run_program.hpp"

namespace linnet {
namespace {

using test::Ended;
using test::run_program;
using testing::HasSubstr;

using Arguments = std::vector<std::string>;

void expect_usage_error(const Arguments& arguments, const std::string& mentions) {
  const Ended ended = run_program(arguments);
  const std::string shown = testing::PrintToString(arguments);
  EXPECT_EQ(ended.status, 2) << shown << ended.err;
  EXPECT_EQ(ended.out, "") << shown;
  EXPECT_THAT(ended.err, HasSubstr(mentions)) << shown;
}

TEST(Usage, NumbersOutOfRange) {
  const std::pair<const char*, std::vector<const char*>> cases[] = {
      {"-m", {"0", "-2", "-5", "1.5", "abc", "", "99999999999", "99999999999999999999999"}},
      {"--max-tokens", {"0", "nan"}},
      {"--top-k", {"-2", "1.5", "nan", "many", "1073741825"}},
      {"--mirostat", {"-1", "3", "0.5"}},
      {"--temp", {"-1", "-0.001", "101", "nan", "-nan", "inf", "1e999", "warm"}},
      {"--seed", {"-2", "1.5", "abc", "18446744073709551616"}},
      {"--threads", {"0", "-1", "1025", "many"}},
      {"--ctx", {"0", "-512", "99999999999"}},
      {"--kv-type", {"f64", ""}},
      {"--backend", {"abacus"}},
      {"--device", {"tpu", ""}},
      {"--gpu-layers", {"0", "-1", "1.5", "some", "", "99999999999"}},
  };
  for (const auto& [option, values] : cases) {
    for (const char* value : values) {
      const std::string name = option == std::string("-m") ? "--max-tokens" : option;
      expect_usage_error({"generate", option, value}, name);
    }
  }
}

// Not as if 1.5 were not between 1 and 1073741824.
TEST(Usage, NumbersThatAreNotWhole) {
  expect_usage_error({"generate", "-m", "1.5"},
                     "--max-tokens: Value 1.5 is not a whole number from 1 to 1073741824, or -1\n");
  expect_usage_error({"bench", "-r", "1e2"}, "is not a whole number from 1 to 1000\n");
  expect_usage_error({"bench", "-p", "512,1k"}, "Value 1k is not a whole number from 0 to");
  expect_usage_error({"serve", "--parallel", "33"}, "is not a whole number from 1 to 32\n");
  expect_usage_error({"serve", "--idle-minutes", "0"}, "0 is not a whole number from 1 to 1048576");
  expect_usage_error({"serve", "--reasoning-budget", "-1"}, "-1 is not a whole number from 0 to");
  expect_usage_error({"generate", "--gpu-layers", "0"}, "is not a whole number from 1 to");
}

// As a script gives them where its variable is not set.
TEST(Usage, EmptyValues) {
  expect_usage_error({"generate", "--gguf", ""}, "--gguf: expected a value, found an empty one");
  expect_usage_error({"generate", "--gguf="}, "--gguf");
  expect_usage_error({"generate", "--ban-token", ""}, "--ban-token");
  expect_usage_error({"logits", "--tokens", "", "--npy", "out"}, "--tokens");
  expect_usage_error({"serve", "--api-key", ""}, "--api-key");
  expect_usage_error({"serve", "--port", ""}, "--port");
  expect_usage_error({"serve", "--port", "65536"}, "not a whole number from 0 to 65535");
  EXPECT_EQ(run_program({"generate", "-m", "1", "--prompt", ""}).status, 0);
}

TEST(Usage, TextsThatAreNone) {
  for (const char* const option : {"--stop", "--system"}) {
    expect_usage_error({"chat", option, "a\xff"},
                       std::string(option) + ": expected a text in UTF-8");
  }
}

TEST(Usage, UnknownWords) {
  expect_usage_error({}, "expected a command; there are generate, chat, serve");
  expect_usage_error({"divine"}, "there is no command divine; there are generate, chat, serve");
  expect_usage_error({"generate", "--divine"}, "--divine");
  expect_usage_error({"generate", "prompt without option"}, "prompt without option");
  expect_usage_error({"rerank", "--document", "a"}, "--query is required");
  expect_usage_error({"generate", "--prompt"}, "--prompt");
  expect_usage_error({"generate", "--prompt", "a", "--prompt-file", "b"}, "--prompt");
  expect_usage_error({"inspect", "--gguf", "a", "--npy", "b"}, "--tensor");
  expect_usage_error({"inspect", "--gguf", "a", "--tensor", "b", "--json"}, "excludes");
  expect_usage_error({"tokenize", "--gguf", "a", "--jsonl", "text"}, "excludes");
  expect_usage_error({"quantize", "--gguf", "a", "--type", "Q8_0"}, "out is required");
  expect_usage_error({"generate", "--logprobs", "3"}, "--logprobs requires --json");
  for (const char* bias : {"many", "1", "1=", "=1", "1=nan", "1=inf", "1=2x"}) {
    expect_usage_error({"generate", "--logit-bias", bias}, "expected ID=BIAS");
  }
  for (const char* adapter : {"a.gguf:1000", "a.gguf:nan", "a.gguf:-inf", "a.gguf:1e99", ":2"}) {
    expect_usage_error({"generate", "--lora", adapter}, "expected FILE or FILE:SCALE");
  }
  for (const char* by : {"", "x", "a=b", "a=int:1.5", "a=int:", "a=float:nan", "a=float:x",
                         "a=bool:1", "a=u32:1", "=int:1", "a=int:99999999999999999999"}) {
    expect_usage_error({"generate", "--override-kv", by}, "--override-kv");
  }
  expect_usage_error({"chat", "--think", "maybe"}, "maybe not in {on,off}");
  expect_usage_error({"embed", "--pooling", "rank"}, "rank not in {mean,first,last}");
  expect_usage_error({"cache", "--names", "--json"}, "excludes");
  expect_usage_error({"synth", "--shape", "round", "--type", "F16", "out"}, "there are tinyllama");
  expect_usage_error({"synth", "--shape", "tiny", "--type", "I8", "out"}, "no weights can be made");
}

void expect_wrong_variable(const std::string& variable, const std::string& mentions) {
  const Ended ended = run_program({"generate", "-m", "1"}, {.environment = {variable}});
  EXPECT_EQ(ended.status, 2) << variable << ended.err;
  EXPECT_EQ(ended.out, "") << variable;
  EXPECT_THAT(ended.err, HasSubstr(mentions)) << variable;
}

TEST(Usage, VariablesOfTheEnvironment) {
  expect_wrong_variable("LINNET_CPU=abacus", "LINNET_CPU: abacus not in {");
  expect_wrong_variable("LINNET_CPU=abacus", "scalar}");
  expect_wrong_variable("LINNET_DEVICE=tpu", "LINNET_DEVICE: tpu not in {auto,cpu,cuda}");
  expect_wrong_variable(
      "LINNET_CUDA_WITHOUT=picks,wings",
      "LINNET_CUDA_WITHOUT: wings not in {graphs,library,picks,early,wgmma,chunks,sparse}");
  for (const char* sound : {"LINNET_CPU=scalar", "LINNET_CPU=", "LINNET_DEVICE=",
                            "LINNET_CUDA_WITHOUT=", "LINNET_CUDA_WITHOUT=early,graphs"}) {
    const Ended ended = run_program({"generate", "-m", "1"}, {.environment = {sound}});
    EXPECT_EQ(ended.status, 0) << sound << ended.err;
  }
}

TEST(Usage, NothingToWorkOn) {
  expect_usage_error({"tokenize", "--gguf", "a"}, "a text, --file or --jsonl is required");
  expect_usage_error({"bench", "-p", "0", "-n", "0"}, "there is nothing to measure");
  expect_usage_error({"grammar", "--regex", "a+"}, "a text, or --sample, is required");
  expect_usage_error({"grammar", "aaa"},
                     "exactly one of --grammar, --json-schema, --regex, --jsonl");
  expect_usage_error({"grammar", "--regex", "a", "--jsonl"}, "exactly one of --grammar");
  expect_usage_error({"grammar", "--regex", "a", "--sample", "2", "a"}, "excludes");
  expect_usage_error({"grammar", "--jsonl", "a"}, "excludes");
  EXPECT_EQ(run_program({"grammar", "--regex", "a*", ""}).out, "accepted (2 states)\n");
}

TEST(Usage, NamesThatAreMeant) {
  const auto asks = [](const Arguments& arguments, const std::string& meant) {
    expect_usage_error(arguments, "; did you mean " + meant + "?\n");
  };
  asks({"genrate"}, "generate");
  asks({"Chat"}, "chat");
  asks({"run", "model.gguf"}, "chat");
  asks({"rm", "model.gguf"}, "cache");
  asks({"generate", "--promt", "x"}, "--prompt");
  asks({"generate", "--top_k=3"}, "--top-k");
  asks({"generate", "--max-tok", "3"}, "--max-tokens");
  asks({"generate", "--model", "a.gguf"}, "--gguf");
  asks({"inspect", "--model", "a.gguf"}, "--gguf");  // before what else is missing
  asks({"chat", "-ngl", "3"}, "--gpu-layers");
  asks({"generate", "-hf", "o/m"}, "--repo");  // not -h
  asks({"chat", "-hf", "o/m", "-p", "x"}, "--repo");
  asks({"chat", "--no-thinking"}, "--think");
  asks({"generate", "--mirostat-ent", "5"}, "--mirostat-tau");
  asks({"generate", "--mirostat-lr", "0.1"}, "--mirostat-eta");
  asks({"serve", "--ssl-key-file", "key.pem"}, "--tls-key");
  asks({"serve", "--ssl-cert-file", "cert.pem"}, "--tls-cert");
  asks({"serve", "--served-model-name", "x"}, "--alias");
  asks({"serve", "--max-model-len", "4096"}, "--ctx");
  asks({"serve", "--max-num-seqs", "4"}, "--parallel");
  asks({"perplexity", "-c", "512"}, "--window");
  asks({"perplexity", "--ctx-size", "512"}, "--window");
  asks({"generate", "-c", "512"}, "--ctx");
  asks({"generate", "--num-predict", "3"}, "--max-tokens");
  asks({"generate", "-jf", "schema.json"}, "--json-schema");
  asks({"generate", "-hf", "o/m", "-hff", "a.gguf"}, "--repo");
  asks({"bench", "-m", "a.gguf"}, "--gguf");
  asks({"quantize", "--imatrix", "a.dat"}, "--importance");
  asks({"quantize", "--output-tensor-type", "Q8_0"}, "--rule");
  // Not -m with a value.
  asks({"generate", "-md", "a.gguf"}, "--draft-model");
  asks({"generate", "-hfd", "o/m"}, "--draft-repo");
  asks({"chat", "-mm", "a.gguf"}, "--mmproj");
  asks({"chat", "-mu", "https://a/b"}, "--repo");
  asks({"generate", "--rope-freq-base", "1e6"}, "--override-kv");
  expect_usage_error({"generate", "-hx"}, "there is no option -hx\n");
  expect_usage_error({"-hf"}, "-hf");
  EXPECT_EQ(run_program({"generate", "-hf", "o/m", "--help"}).status, 0);
  asks({"chat", "--lora-scaled", "a.gguf", "2"}, "--lora");
  expect_usage_error({"pull", "--draft-model", "x"}, "there is no option --draft-model\n");
  expect_usage_error({"generate", "--xyz"}, "there is no option --xyz\n");
  expect_usage_error({"--temp", "0"}, "expected a command before --temp; there are generate");
  for (const char* const option : {"--gguf", "-m", "-hf"}) {
    expect_usage_error({option, "a.gguf"}, "; `linnet chat --gguf FILE` talks with a model\n");
  }
  asks({"serve", "--reasoning-effort", "high"}, "--chat-template-kwargs");
  asks({"chat", "--reasoning", "off"}, "--think");
  asks({"bench", "--repetitions", "3"}, "--repeats");
  asks({"generate", "--draft-max", "8"}, "--speculate");
  expect_usage_error({"pull", "o/m"}, "o/m was not expected; --repo names the repo of a model\n");
  expect_usage_error({"chat", "o/m"}, "--repo names");
  expect_usage_error({"chat", "o/m:Q4_0"}, "--repo names");
  expect_usage_error({"pull", "llama3"},
                     "llama3 was not expected; --repo OWNER/NAME names a repo of the Hub\n");
  expect_usage_error({"perplexity", "-f", "wiki.txt"}, "-f; the file's name stands by itself\n");
  asks({"serve", "--models-dir", "models"}, "--gguf");
  asks({"serve", "--keep-alive", "5"}, "--idle-minutes");
  expect_usage_error({"inspect", "a.gguf"}, "a.gguf was not expected; --gguf names the model");
  expect_usage_error({"generate", "-m", "a.gguf"}, "; --gguf names the model");
  expect_usage_error({"generate", "--", "Once"}, "Once was not expected; --prompt gives a text");
}

TEST(Usage, OptionsThatAreNotNeeded) {
  expect_usage_error({"pull", "--hf-token", "x"}, "; the variable HF_TOKEN");
  expect_usage_error({"pull", "--offline"}, "; HF_HUB_OFFLINE=1");
  expect_usage_error({"serve", "--jinja"}, "there is no option --jinja; it is always so\n");
  expect_usage_error({"serve", "--reasoning-format", "none"}, "thinking is always told apart");
  expect_usage_error({"serve", "--cache-ram", "8192"}, "; --kv-tokens says how many tokens");
  expect_usage_error({"serve", "--no-mmproj"}, "; there is none without --mmproj\n");
  expect_usage_error({"serve", "--seed", "1"}, "; requests say that\n");
  expect_usage_error({"generate", "-cnv"}, "; `linnet chat` converses\n");
  expect_usage_error({"chat", "-cnv"}, "; it always converses");
  expect_usage_error({"generate", "-e"}, "; texts are taken as they stand");
  expect_usage_error({"importance", "-f", "a.txt"}, "the one to write stand by themselves\n");
  // Not -m, -s or -d with a value.
  expect_usage_error({"chat", "-mg", "0"}, "no option -mg; a model runs on one GPU");
  expect_usage_error({"bench", "-sm", "layer"}, "no option -sm; a model runs on one GPU");
  expect_usage_error({"bench", "-dio", "1"}, "no option -dio; the program finds out");
}

TEST(Usage, OptionsThatAreGivenWrongly) {
  expect_usage_error({"tokenize", "--gguf", "a", "-x"},
                     "a text that begins with - stands behind --");
  expect_usage_error({"generate", "--prompt", "a", "--prompt", "b"},
                     "--prompt: given more than once\nlinnet generate --help tells the options\n");
  expect_usage_error({"generate", "--prompt"}, "--prompt: expected a value, found none\n");
  expect_usage_error({"generate", "--revision", "v2"}, "--revision requires --repo");
  expect_usage_error({"serve", "--api-key", "a", "b"}, "b was not expected");
  expect_usage_error({"embed", "--prompt", "a", "b"}, "b was not expected; --prompt gives a text");
  expect_usage_error({"serve", "--gguf", "a", "--gguf", "b", "--alias", "c"},
                     "--alias is there 1 times for 2 models, expected once for each of them");
  expect_usage_error({"serve", "--gguf", "a", "--gguf", "b", "--lora", "c"},
                     "--lora c: for one of several models, expected MODEL=c");
  expect_usage_error({"serve", "--gguf", "a", "--gguf", "b", "--draft-repo", "o/m"},
                     "--draft-repo is for one model, and there are 2");
  expect_usage_error({"serve", "--repo", "a/b", "--repo", "c/d", "--gguf", "e"},
                     "of 2 repos 1 files are named, expected one of each, or none");
  expect_usage_error({"serve", "--gguf", "a", "--gguf", "b", "--override-kv", "llama.x=int:1"},
                     "--override-kv is for one model, and there are 2");
  expect_usage_error({"serve", "--models-loaded", "0"}, "--models-loaded");
  expect_usage_error({"generate", "--json=x"}, "--json: x is none of its values\n");
  expect_usage_error({"logits", "--tokens", "1,x", "--npy", "a"},
                     "--tokens: 1,x is none of its values\n");
}

TEST(Usage, HelpHasExamples) {
  for (const char* name :
       {"generate", "chat",       "serve",      "embed",    "rerank",   "pull",  "cache",
        "inspect",  "bench",      "perplexity", "quantize", "edit",     "split", "merge",
        "tokenize", "importance", "grammar",    "logits",   "template", "synth", "completion"}) {
    const std::string help = run_program({name, "--help"}).out;
    EXPECT_THAT(help, testing::Not(HasSubstr("linnet COMMAND --help"))) << "that is where one is";
    EXPECT_THAT(help, testing::ContainsRegex("\nUsage: [^\n]*\n\nExamples:\n"));
    const auto example = help.find(std::string("  linnet ") + name);
    EXPECT_LT(example, help.find("\nOptions:")) << "examples come first";
  }
}

TEST(Usage, AnOptionThatMayBeRepeatedTakesOneValue) {
  for (const char* command : {"generate", "serve", "quantize"}) {
    EXPECT_THAT(run_program({command, "--help"}).out, testing::Not(HasSubstr(" ... ")));
  }
  EXPECT_THAT(run_program({"rerank", "--help"}).out, HasSubstr("file FILE ... "));
}

TEST(Usage, LargestSeedIsOne) {
  const Ended ended = run_program({"generate", "-m", "1", "--seed", "18446744073709551615"});
  EXPECT_EQ(ended.status, 0) << ended.err;
}

TEST(Usage, HelpAndVersionAreNoErrors) {
  const Ended help = run_program({"generate", "--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, HasSubstr("--max-tokens"));
  EXPECT_EQ(help.err, "");
  EXPECT_EQ(run_program({"help", "generate"}).out, help.out);
  EXPECT_EQ(run_program({"help"}).out, run_program({"-h"}).out);
  expect_usage_error({"help", "divine"}, "there is no command divine; there are generate");
  for (const char* option : {"--version", "-V"}) {
    const Ended version = run_program({option});
    EXPECT_EQ(version.status, 0);
    EXPECT_THAT(version.out, testing::StartsWith("linnet "));
  }
  EXPECT_EQ(run_program({"version"}).out, run_program({"--version"}).out);
}

TEST(Usage, HelpNamesTypesOnceAndNoLimitsOutOfReach) {
  const std::string help = run_program({"generate", "--help"}).out;
  EXPECT_THAT(help, HasSubstr("--temp FLOAT in [0 - 100] "));
  EXPECT_THAT(help, HasSubstr("--kv-type {f32,f16,bf16,q8_0,f8_e4m3,q4_0}=f16\n"));
  EXPECT_THAT(help, HasSubstr("--top-k INT "));
  EXPECT_THAT(help, testing::Not(HasSubstr("\n\n\n")));
  EXPECT_THAT(help, HasSubstr("--override-kv KEY=TYPE:VALUE\n"));
  EXPECT_THAT(run_program({"quantize", "--help"}).out, HasSubstr("--type TYPE REQUIRED"));
  EXPECT_THAT(help, HasSubstr("--prompt TEXT=\"In the beginning the Universe was created.\" "));
}

// As wide as a usual terminal where there is none: only types and examples may be longer.
TEST(Usage, HelpIsWrapped) {
  const std::string help = run_program({"generate", "--help"}).out;
  std::istringstream lines(help.substr(help.find("\nOptions:")));
  const auto is_description = [](const std::string& text) {
    return text.find_first_not_of(' ') == 30;
  };
  int descriptions = 0, long_types = 0;
  std::string before;
  for (std::string line; std::getline(lines, line); before = line) {
    descriptions += is_description(line);
    if (before.size() > 80) {  // then what is described begins behind it
      EXPECT_THAT(before, testing::StartsWith("  -"));
      EXPECT_TRUE(is_description(line)) << before << "\n" << line;
      ++long_types;
    }
  }
  EXPECT_GT(descriptions, 40);
  EXPECT_GT(long_types, 0);
}

TEST(Usage, AFileOfRulesThatIsMissingIsNamed) {
  for (const char* option : {"--json-schema", "--grammar"}) {
    const Ended ended = run_program({"generate", option, "nosuch.txt"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.err, HasSubstr(std::string(option) + ": there is no file nosuch.txt"));
  }
}

}  // namespace
}  // namespace linnet
