#include <map>

#include "chat/template_sources.hpp"

// Templates for files that have none of their own. They write conversations as the families were
// trained on them; tools are told of by ChatTemplate, in a system message.

namespace linnet {
namespace {

constexpr std::string_view kChatml = R"({%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%})";

constexpr std::string_view kLlama2 = R"({%- set ns = namespace(system='') -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{%- set ns.system = '<<SYS>>\n' + message.content + '\n<</SYS>>\n\n' -%}
{%- elif message.role == 'user' -%}
{{ bos_token + '[INST] ' + ns.system + message.content.strip() + ' [/INST]' }}
{%- set ns.system = '' -%}
{%- elif message.role == 'assistant' -%}
{{ ' ' + message.content.strip() + ' ' + eos_token }}
{%- else -%}{{ raise_exception('llama2 has no role ' + message.role) }}
{%- endif -%}
{%- endfor -%})";

constexpr std::string_view kLlama3 = R"({{- bos_token -}}
{%- for message in messages -%}
{{ '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' + message.content.strip() + '<|eot_id|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif -%})";

constexpr std::string_view kLlama4 = R"({{- bos_token -}}
{%- for message in messages -%}
{{ '<|header_start|>' + message.role + '<|header_end|>\n\n' + message.content.strip() + '<|eot|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|header_start|>assistant<|header_end|>\n\n' }}{%- endif -%})";

// The system message goes into the last message of the user, as Mistral's own library does it.
constexpr std::string_view kMistral = R"({{- bos_token -}}
{%- set ns = namespace(system='', last=-1) -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}{%- set ns.system = message.content + '\n\n' -%}
{%- elif message.role == 'user' -%}{%- set ns.last = loop.index0 -%}
{%- endif -%}
{%- endfor -%}
{%- for message in messages -%}
{%- if message.role == 'user' -%}
{{ '[INST] ' + (ns.system if loop.index0 == ns.last else '') + message.content + '[/INST]' }}
{%- elif message.role == 'assistant' -%}{{ ' ' + message.content.strip() + eos_token }}
{%- elif message.role != 'system' -%}
{{ raise_exception('mistral has no role ' + message.role) }}
{%- endif -%}
{%- endfor -%})";

constexpr std::string_view kMistralNemo = R"({{- bos_token -}}
{%- set ns = namespace(system='', last=-1) -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}{%- set ns.system = message.content + '\n\n' -%}
{%- elif message.role == 'user' -%}{%- set ns.last = loop.index0 -%}
{%- endif -%}
{%- endfor -%}
{%- for message in messages -%}
{%- if message.role == 'user' -%}
{{ '[INST]' + (ns.system if loop.index0 == ns.last else '') + message.content + '[/INST]' }}
{%- elif message.role == 'assistant' -%}{{ message.content + eos_token }}
{%- elif message.role != 'system' -%}
{{ raise_exception('mistral-nemo has no role ' + message.role) }}
{%- endif -%}
{%- endfor -%})";

constexpr std::string_view kMistralV7 = R"({{- bos_token -}}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{{ '[SYSTEM_PROMPT] ' + message.content + '[/SYSTEM_PROMPT]' }}
{%- elif message.role == 'user' -%}{{ '[INST] ' + message.content + '[/INST]' }}
{%- elif message.role == 'assistant' -%}{{ ' ' + message.content + eos_token }}
{%- else -%}{{ raise_exception('mistral-v7 has no role ' + message.role) }}
{%- endif -%}
{%- endfor -%})";

constexpr std::string_view kGemma = R"({{- bos_token -}}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{{ raise_exception('gemma has no system message') }}
{%- endif -%}
{{ '<start_of_turn>' + ('model' if message.role == 'assistant' else message.role) + '\n' }}
{{- message.content.strip() + '<end_of_turn>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%})";

constexpr std::string_view kPhi3 = R"({%- for message in messages -%}
{{ '<|' + message.role + '|>\n' + message.content + '<|end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|assistant|>\n' }}{%- endif -%})";

constexpr std::string_view kPhi4 = R"({%- for message in messages -%}
{{ '<|im_start|>' + message.role + '<|im_sep|>' + message.content + '<|im_end|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant<|im_sep|>' }}{%- endif -%})";

constexpr std::string_view kDeepSeek = R"({{- bos_token -}}
{%- for message in messages -%}
{%- if message.role == 'system' -%}{{ message.content }}
{%- elif message.role == 'user' -%}{{ '<｜User｜>' + message.content }}
{%- elif message.role == 'assistant' -%}
{{ '<｜Assistant｜>' + message.content.split('</think>')[-1].lstrip() + '<｜end▁of▁sentence｜>' }}
{%- else -%}{{ raise_exception('deepseek has no role ' + message.role) }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<｜Assistant｜>' }}{%- endif -%})";

constexpr std::string_view kDeepSeek2 = R"({{- bos_token -}}
{%- for message in messages -%}
{%- if message.role == 'system' -%}{{ message.content + '\n\n' }}
{%- elif message.role == 'user' -%}{{ 'User: ' + message.content + '\n\n' }}
{%- elif message.role == 'assistant' -%}{{ 'Assistant: ' + message.content + eos_token }}
{%- else -%}{{ raise_exception('deepseek2 has no role ' + message.role) }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ 'Assistant:' }}{%- endif -%})";

constexpr std::string_view kZephyr = R"({%- for message in messages -%}
{{ '<|' + message.role + '|>\n' + message.content + eos_token + '\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|assistant|>\n' }}{%- endif -%})";

constexpr std::string_view kVicuna = R"({{- bos_token -}}
{%- for message in messages -%}
{%- if message.role == 'system' -%}{{ message.content + '\n\n' }}
{%- elif message.role == 'user' -%}{{ 'USER: ' + message.content + '\n' }}
{%- elif message.role == 'assistant' -%}{{ 'ASSISTANT: ' + message.content + '</s>\n' }}
{%- else -%}{{ raise_exception('vicuna has no role ' + message.role) }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ 'ASSISTANT:' }}{%- endif -%})";

constexpr std::string_view kAlpaca = R"({{- bos_token -}}
{%- for message in messages -%}
{%- if message.role == 'system' -%}{{ message.content + '\n\n' }}
{%- elif message.role == 'user' -%}{{ '### Instruction:\n' + message.content + '\n\n' }}
{%- elif message.role == 'assistant' -%}
{{ '### Response:\n' + message.content + eos_token + '\n\n' }}
{%- else -%}{{ raise_exception('alpaca has no role ' + message.role) }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '### Response:\n' }}{%- endif -%})";

constexpr std::string_view kCommandR = R"({{- bos_token -}}
{%- set names = {'system': 'SYSTEM', 'user': 'USER', 'assistant': 'CHATBOT'} -%}
{%- for message in messages -%}
{%- if message.role not in names -%}
{{ raise_exception('command-r has no role ' + message.role) }}
{%- endif -%}
{{ '<|START_OF_TURN_TOKEN|><|' + names[message.role] + '_TOKEN|>' + message.content.strip() }}
{{- '<|END_OF_TURN_TOKEN|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{%- endif -%})";

constexpr std::string_view kGlm4 = R"({{- '[gMASK]<sop>' -}}
{%- for message in messages -%}
{{ '<|' + message.role + '|>\n' + message.content }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|assistant|>\n' }}{%- endif -%})";

constexpr std::string_view kGranite = R"({%- for message in messages -%}
{{ '<|start_of_role|>' + message.role + '<|end_of_role|>' + message.content + '<|end_of_text|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|start_of_role|>assistant<|end_of_role|>' }}{%- endif -%})";

constexpr std::string_view kOpenChat = R"({{- bos_token -}}
{%- for message in messages -%}
{{ 'GPT4 Correct ' + message.role.title() + ': ' + message.content + '<|end_of_turn|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ 'GPT4 Correct Assistant:' }}{%- endif -%})";

constexpr std::string_view kRwkvWorld = R"({{- bos_token -}}
{%- set names = {'system': 'System', 'user': 'User', 'assistant': 'Assistant'} -%}
{%- for message in messages -%}
{%- if message.role not in names -%}
{{ raise_exception('expected roles system, user and assistant') }}
{%- endif -%}
{{ names[message.role] + ': ' + message.content.strip() + '\n\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ 'Assistant:' }}{%- endif -%})";

// For models that were not trained to converse: the messages as one text that the model continues.
constexpr std::string_view kPlain = R"({{- added_bos_token -}}
{%- for message in messages -%}
{%- if message.role != 'assistant' and not loop.first -%}{{ '\n' }}{%- endif -%}
{{ message.content }}
{%- endfor -%})";

const std::map<std::string_view, std::string_view>& templates() {
  static const std::map<std::string_view, std::string_view> kTemplates = {
      {"alpaca", kAlpaca},
      {"chatml", kChatml},
      {"command-r", kCommandR},
      {"deepseek", kDeepSeek},
      {"deepseek2", kDeepSeek2},
      {"gemma", kGemma},
      {"glm4", kGlm4},
      {"granite", kGranite},
      {"llama2", kLlama2},
      {"llama3", kLlama3},
      {"llama4", kLlama4},
      {"mistral", kMistral},
      {"mistral-nemo", kMistralNemo},
      {"mistral-v7", kMistralV7},
      {"openchat", kOpenChat},
      {"phi3", kPhi3},
      {"phi4", kPhi4},
      {"plain", kPlain},
      {"rwkv-world", kRwkvWorld},
      {"vicuna", kVicuna},
      {"zephyr", kZephyr},
  };
  return kTemplates;
}

}  // namespace

std::vector<std::string_view> builtin_template_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, unused] : templates()) names.push_back(name);
  return names;
}

std::string_view builtin_template(std::string_view name) {
  const auto found = templates().find(name);
  return found == templates().end() ? std::string_view{} : found->second;
}

}  // namespace linnet
