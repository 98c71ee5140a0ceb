#!/usr/bin/env python3
"""Writes tests/data/tokenizer/words.json: how Python's regex module cuts our texts by the pre-tokenizers of known vocabularies.

    apt-get install python3-regex; /usr/bin/python3 tests/oracles/words.py > tests/data/tokenizer/words.json

The patterns are those of src/tokenizer/pre_tokenizer_table.cpp, put together anew in that module's syntax, and where that table has
another form for PCRE2 or a function in place of a pattern, in the form that the vocabulary has. The letters of deepseek-llm are those
with case here; it lists them. No tokenizer.json was at hand, so that this says nothing of what both may have wrong.
A pattern cuts out what it matches, and what is between the matches is a word, too; the next pattern cuts each of these."""

import json

import regex

SUFFIX = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
QWEN2 = SUFFIX + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + SPACES
LLAMA3 = SUFFIX + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + SPACES
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"


def cased(suffix, numbers):
    return (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{suffix}|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{suffix}|{numbers}"
            r"| ?[^\s\p{L}\p{N}]+[\r\n/]*" + SPACES)


GPT4O = cased(SUFFIX + "?", r"\p{N}{1,3}")
KIMI_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
KIMI_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
KIMI = (rf"[\p{{Han}}]+|[^\r\n\p{{L}}\p{{N}}]?{KIMI_UPPER}*{KIMI_LOWER}+{SUFFIX}?"
        rf"|[^\r\n\p{{L}}\p{{N}}]?{KIMI_UPPER}+{KIMI_LOWER}*{SUFFIX}?|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*" + SPACES)
ASCII_SIGNS = r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]"""
DEEPSEEK3 = ASCII_SIGNS + r"[A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*" + SPACES
SPARK = ASCII_SIGNS + r"[A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+"
HAN_AND_KANA = "[一-龥\u3040-ゟ゠-ヿ]+"
HAN_AND_MORE = "[一-龥ࠀ-一가-\ud7ff]+"
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
JAIS2 = (SUFFIX + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
         r"|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}")

ASIAN = ("[一-鿿㐀-䶿豈-\ufaff\u3040-ゟ゠-ヿ･-ﾟ⼀-\u2fdf\u0e40-\u0e7f\u0e80-\u0eff\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff"
         "가-\ud7af\u1100-\u11ff]+")

# The steps, and the names of all who take them.
PRE_TOKENIZERS = [
    ([GPT2], "gpt-2 phi-2 jina-es jina-de jina-v1-en jina-v2-es jina-v2-de jina-v2-code roberta-bpe gigachat a.x-4.0 mellum modern-bert"
             " mpt olmo jais trillion granite-docling exaone4"),
    ([r"\p{N}", GPT2], "starcoder refact command-r smollm codeshell exaone minerva-7b mellum2"),
    ([r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"], "falcon"),
    ([r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"], "default"),
    ([LLAMA3], "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano dbrx smaug-bpe glm4 chatglm-bpe"),
    ([JAIS2], "jais-2"),
    ([r"\p{N}{1,3}", LLAMA3.replace("{1,3}", "+")], "minicpm5"),
    ([QWEN2], "qwen2 deepseek-r1-qwen megrez f2llmv2 kormo stablelm2 hunyuan solar-open grok-2"),
    ([SUFFIX + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*" + SPACES], "qwen35"),
    ([QWEN2.removeprefix(SUFFIX + "|")], "ufakzeka"),
    ([r"[^\n]+|[\n]+", QWEN2], "laguna"),
    ([r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"],
     "bailingmoe bailingmoe2 llada-moe"),
    ([SUFFIX + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+" + SPACES], "seed-coder"),
    ([SUFFIX + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"], "exaone-moe"),
    ([GPT4O], "gpt-4o llama4 kanana2 talkie minimax-m2 granite-embed-multi-97m"),
    ([r"\d{1,3}(?=(?:\d{3})*\b)", GPT4O], "tiny_aya cohere2moe"),
    ([cased("", r"\p{N}")], "tekken"),
    ([KIMI], "kimi-k2"),
    (["[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，\u3001-\u303f\ufe30-\ufe4f]+|[ㄅ-ㄯ]+|[一-龥\u3040-ゟ゠-ヿ]+", cased(SUFFIX + "?", r"\p{N}")], "youtu"),
    ([r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", HAN_AND_MORE, r"\p{N}"], "deepseek-coder"),
    ([r"\p{N}{1,3}", HAN_AND_KANA, DEEPSEEK3], "deepseek-v3 hunyuan-dense joyai-llm hy_v4"),
    ([r"[\r\n]", r"\s?[\p{Lu}\p{Ll}\p{Lt}]+", "\\s?[!-/:-~！-／：-～‘-‟\u3000-。]+", r"\s+\Z", HAN_AND_MORE, r"\p{N}+"], "deepseek-llm"),
    ([r"\p{N}{1,2}(?=(?:\p{N}{3})*(?!\p{N}))|\p{N}{3}", ASIAN, DEEPSEEK3], "afmoe"),
    ([r"\p{N}{1,3}", HAN_AND_KANA, SPARK, r"\p{N}"], "spark2_5"),
    ([BLOOM], "poro-chat bloom gpt3-finnish"),
    ([BLOOM, r"\p{N}"], "viking"),
    ([r"\p{N}+", r"(?=(\d{3})+(?!\d))"], "superbpe"),
    ([r"<sentinel:[0-9]+>", r"(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", r"([\t\n]|    |  )", r"\p{N}", r"[\p{P}!-/:-@\[-`{-~]", GPT2], "chameleon"),
]

TEXTS = [
    "I'm here,  it's WE'LL 2024!\n\n x\r\n\ty", "a1234567 12a ½²٣4 x_9 3.14,15", "HTTPServer's camelCase McDonald'S ÉCOLE ǅabc", "ab/\n//cd [x](y) 'tis don'T",
    "e\u0301te\u0301 हिन्दी है।\nไทย", "漢字abcかな漢カナ한국어,中文。 ㄅㄆ！“x”", "x = foo(bar[0]);\n    return `a|b` ^ $c + <d>~\n\n\n", "   leading\n \n  mid   dle  \t ",
    "<sentinel:42>IMGIMGABZ    x  y", "🦆👍🏽 a\u00a0b\u3000c", "ab cd ef! gh-ij a' b'' 'x", "\r\n\r\n!\r\n?!\n.\n", "a" + " " * 9 + "b" + " " * 7, "12 345 6789 1,000,000 ",
    "ㅋㅋㅠabc １２ x！y：z「」w ㇰﾊﾝ \u2fd4 ខ្មែរ မြန်", "\u2018q\u2019 \u2014 s\u00b4t «u» 5€", "",
]


def cut(patterns, words):
    for pattern in patterns:
        result = []
        for word in words:
            done = 0
            for match in regex.finditer(pattern, word, flags=regex.V1):
                result += [word[done:match.start()], match.group()]
                done = match.end()
            result.append(word[done:])
        words = [word for word in result if word]
    return words


def main():
    entries = [{"names": names.split(), "words": [cut(patterns, [text]) for text in TEXTS]} for patterns, names in PRE_TOKENIZERS]
    print('{"texts": %s,\n"pre_tokenizers": [\n%s\n]}' % (
        json.dumps(TEXTS, ensure_ascii=False), ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)))


if __name__ == "__main__":
    main()
