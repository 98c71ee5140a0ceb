#include <string>

#include "chat/output/families.hpp"
#include "fuzz/seeds.hpp"
#include "support/paths.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::test {
namespace {

const std::string kZero(1, '\0');

// A byte that chooses, and what it chooses for.
std::string chosen(int choice, const std::string& text) { return static_cast<char>(choice) + text; }

// An answer with thinking and calls as a family writes them.
std::string answer_of(const Family& family) {
  const std::string call = R"({"name": "f", "arguments": {"a": [1, "b"]}})";
  std::string answer =
      std::string(family.reasoning.begin) + "hm" + std::string(family.reasoning.end);
  for (const CallSection& section : family.sections) {
    answer += std::string(section.begin) + call + std::string(section.end) + "\n";
  }
  if (const auto& form = family.form) {
    answer += form->begin + "f" + form->middle;
    answer += form->has_json_arguments
                  ? R"({"a": 1})"
                  : form->before_key + "a" + form->before_text + "b" + form->after_text;
    answer += form->end;
  }
  if (const auto& messages = family.messages) {
    for (const std::string_view word : messages->header_words) answer += word;
    for (const std::string_view marker : messages->markers) answer += marker;
    answer +=
        std::string(messages->recipient) + "f" + std::string(messages->header_end) + "{\"a\": 1}";
    for (const std::string_view end : messages->ends) answer += end;
  }
  return answer + call;
}

}  // namespace

Seeds answer_seeds() {
  Seeds seeds;
  for (std::size_t i = 0; i < families().size(); ++i) {
    for (const int options : {0, 0xc1}) {
      const std::string choices = {static_cast<char>(i), static_cast<char>(options),
                                   static_cast<char>(options ^ 7)};
      seeds.push_back(choices + answer_of(families()[i]));
    }
  }
  return seeds;
}

Seeds grammar_seeds() {
  enum { kGbnf, kRegex, kSchema };
  return {chosen(kGbnf,
                 "root ::= item (\",\" item){0,3}\nitem ::= [a-c]+ | \"\\u00e9\"? <[97]> # end") +
              kZero + "a,b",
          chosen(kRegex, R"(^(?:\d{1,3}|[^a-z\s]\w*)(foo|b.r)?$)") + kZero + "12foo",
          chosen(kSchema, R"({"type": "object", "properties": {"a": {"enum": [1, "x", null]},
              "b": {"type": "array", "items": {"$ref": "#/$defs/c"}, "maxItems": 2},
              "d": {"type": "integer", "minimum": -3, "exclusiveMaximum": 50}},
              "required": ["d"], "additionalProperties": false,
              "$defs": {"c": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5}}})") +
              kZero + R"({"a":1,"d":7})",
          chosen(kSchema, R"({"anyOf": [{"type": "string", "format": "date-time"},
              {"allOf": [{"type": "number"}, {"multipleOf": 5}]}, {"const": {"k": [true]}}]})") +
              kZero + "12345678"};
}

Seeds http_seeds() {
  const std::string keys =
      "sk-1 name=a requests-per-minute=600 tokens-per-minute=9 parallel=2\nsk-2\n";
  const std::string host = "Host: localhost:8080\r\n", key = "Authorization: Bearer sk-1\r\n";
  const std::string body = R"({"content": "In the beginning"})";
  const std::string posted = "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  const std::string tokenize = "POST /tokenize HTTP/1.1\r\n" + host;
  const Seeds requests = {
      "GET / HTTP/1.1\r\n" + host + "If-None-Match: \"0\"\r\n\r\n",
      tokenize + key + posted + "GET /v1/models/a%2Fb?c=d HTTP/1.1\r\n" + host + key + "\r\n",
      tokenize +
          "x-api-key: sk-2\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\n{\"con\r\n9\r\n"
          "tent\": 1}\r\n0\r\nT: x\r\n\r\n",
      "OPTIONS /v1/models HTTP/1.1\r\n" + host +
          "Origin: https://page.test\r\nAccess-Control-Request-Method: POST\r\n\r\n",
      tokenize + "Content-Encoding: gzip\r\nExpect: 100-continue\r\n" + posted,
      "GET http://user@[::1]:80/metrics HTTP/1.0\r\n\r\n"};
  Seeds seeds;
  for (const std::string& request : requests) {
    seeds.push_back(chosen(0, kZero + request));
    seeds.push_back(chosen(255, keys + kZero + request));
  }
  return seeds;
}

Seeds hub_seeds() {
  enum { kLookUp, kList, kFetch, kNames, kSettings };
  const std::string commit = "X-Repo-Commit: 0123456789abcdef0123456789abcdef01234567\r\n";
  const std::string text = "no zero bytes in here",
                    listing = R"({"siblings": [{"rfilename": "a.gguf"},
      {"rfilename": "q/b-00001-of-00002.gguf"}, {"rfilename": "README.md"}]})";
  const auto answer = [](const std::string& status, const std::string& headers,
                         const std::string& body) {
    return "HTTP/1.1 " + status + "\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  const std::string described =
      "HTTP/1.1 200 OK\r\n" + commit + "ETag: W/\"a1\"\r\nContent-Length: 21\r\n\r\n";
  return {
      chosen(kLookUp, described),
      chosen(kLookUp, answer("307 Moved", "Location: /owner/new/resolve/main/model.gguf\r\n", "") +
                          kZero + described),
      chosen(kLookUp, answer("302 Found",
                             commit + "X-Linked-Etag: \"" + std::string(64, 'a') +
                                 "\"\r\nX-Linked-Size: 21\r\nLocation: https://cdn.test/f\r\n",
                             "")),
      chosen(kLookUp, answer("404 None", "X-Error-Code: EntryNotFound\r\n", "") + kZero +
                          answer("200 OK", "", listing)),
      chosen(kLookUp, answer("503 Busy", "Retry-After: 1\r\n", "")),
      chosen(kList, answer("200 OK", "", listing)),
      chosen(kFetch, described + kZero + answer("200 OK", "", text)),
      chosen(kFetch, described + kZero + "HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\nno ze" +
                         kZero +
                         answer("206 Part", "Content-Range: bytes 5-20/21\r\n", text.substr(5))),
      chosen(kNames, "https://user:word@hub.test/a?b=c" + kZero + "main" + kZero + "../o?d#e"),
      chosen(kNames, "owner/repo" + kZero + "main" + kZero + "q/b-00001-of-00002.gguf"),
      chosen(kSettings, "HF_ENDPOINT=https://hub.test/" + kZero + "HF_HUB_CACHE=~/c" + kZero +
                            "HF_TOKEN= hf_a\n" + kZero + "HOME=/h")};
}

Seeds jinja_seeds() {
  Seeds seeds = {R"({%- macro shown(m, end='\n') -%}
{{ m['role'] | upper }}: {{ m.content or 'none' }}{{ end }}
{%- endmacro %}{% set ns = namespace(calls=0) %}
{% for m in messages if m.role != 'system' %}{{ shown(m) }}
{%- for call in m.tool_calls | default([]) %}{% set ns.calls = ns.calls + 1 %}
{{ call.function | tojson(indent=2) }}{%- endfor %}
{% if loop.last and ns.calls is not defined %}{{ raise_exception('no') }}{% endif %}
{% endfor %})",
                 R"({{ messages[::-1] | map(attribute='role') | join(', ') }}
{{ 'a%sb' % 7 ~ [1, 2.5][-1] }}{{ "x" * 3 if true else {} }}
{% filter trim %}{{ range(3) | list | sort(reverse=true) }}{% endfilter %})"};
  for (const char* const name : {"thinking", "tools", "unforced"}) {
    seeds.push_back(read_file(in_repository("tests/serve/" + std::string(name) + ".jinja")));
  }
  return seeds;
}

Seeds serve_seeds() {
  constexpr int kPaths = 11;
  const std::string schema = R"({"type": "object", "properties": {"city": {"enum": ["Paris"]}}})";
  const std::string picture =
      R"([{"role": "user", "content": [{"type": "image_url", "image_url":
      {"url": "data:image/gif;base64,)"
      R"(R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"}}]}])";
  const Seeds bodies = {
      R"({"prompt": [[1, 2], "In the"], "max_tokens": 8, "temperature": 0.5,
          "logit_bias": {"12": -1.5}, "stop": ["a"], "n": 2, "echo": true, "logprobs": 2,
          "grammar": "root ::= \"a\" [b-c]*"})",
      R"({"messages": [{"role": "user", "content": "Weather?"}, {"role": "assistant", "tool_calls":
          [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
          {"role": "tool", "tool_call_id": "c", "content": "sunny"}], "tools": [{"type": "function",
          "function": {"name": "f", "parameters": )" +
          schema + R"(}}], "tool_choice": "required"})",
      R"({"input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}], "text":
          {"format": {"type": "json_schema", "name": "a", "schema": )" +
          schema + "}}}",
      R"({"input": ["a", "b"], "encoding_format": "base64", "dimensions": 64})",
      R"({"max_tokens": 8, "messages": [{"role": "user", "content": "a"}, {"role": "assistant",
          "content": [{"type": "thinking", "thinking": "hm", "signature": ""}]}], "tools":
          [{"name": "f", "input_schema": )" +
          schema + "}]}",
      R"({"messages": [{"role": "user",
          "content": [{"type": "tool_result", "tool_use_id": "t"}]}]})",
      R"({"content": "a b", "add_special": true, "with_pieces": true})",
      R"({"tokens": [1, 2, 3]})",
      R"({"messages": )" + picture + "}",
      R"({"query": "a", "documents": ["b", {"text": "c"}], "top_n": 1})",
      R"({"file": "UklGRgQAAABXQVZF", "prompt": "a", "response_format": "json"})"};
  Seeds seeds;
  for (int i = 0; i < kPaths; ++i) {
    seeds.push_back(chosen(i + i % 3 * kPaths, bodies[static_cast<std::size_t>(i)]));
  }
  seeds.push_back(chosen(1 + 2 * kPaths, R"({"messages": )" + picture + "}"));
  return seeds;
}

}  // namespace linnet::test
