// `completion`: a script that completes this program's commands and options in a shell, made from the command line's own table.
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/output.h"

namespace accelerate::cli {
namespace {

/// A command, by its words behind the program's name, and what may follow it.
struct Words {
  std::string command;  ///< "", "models", "models create"
  std::vector<std::string> next;
};

void collect(const CLI::App& app, const std::string& command, std::vector<Words>& all) {
  Words words{.command = command, .next = {}};
  for (const CLI::App* child : app.get_subcommands({})) words.next.push_back(child->get_name());
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) words.next.push_back("--" + name);
  all.push_back(words);
  for (const CLI::App* child : app.get_subcommands({}))
    collect(*child, command.empty() ? child->get_name() : command + " " + child->get_name(), all);
}

std::string bash_of(const std::vector<Words>& all) {
  std::string script =
      "_ipfs_accelerate() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} command= word words=\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    [[ $word == -* ]] && break\n"
      "    command+=${command:+ }$word\n"
      "  done\n"
      "  while :; do\n"
      "    case $command in\n";
  for (const Words& words : all) script += fmt::format("      '{}') words='{}' ;;\n", words.command, fmt::join(words.next, " "));
  return script +
         "    esac\n"
         "    [[ -n $words || $command != *' '* ]] && break\n"
         "    command=${command% *}\n"
         "  done\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  [[ $current == -* ]] || COMPREPLY+=($(compgen -f -- \"$current\"))\n"
         "}\n"
         "complete -o filenames -F _ipfs_accelerate ipfs-accelerate\n";
}

std::string fish_of(const std::vector<Words>& all) {
  std::string script = "complete -c ipfs-accelerate -f\n";
  for (const Words& words : all) {
    std::string condition = "__fish_use_subcommand";
    if (!words.command.empty()) {
      condition.clear();
      for (std::size_t begin = 0; begin < words.command.size();) {
        const std::size_t end = std::min(words.command.find(' ', begin), words.command.size());
        condition += (condition.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + words.command.substr(begin, end - begin));
        begin = end + 1;
      }
    }
    for (const std::string& word : words.next)
      script += word.starts_with("--") ? fmt::format("complete -c ipfs-accelerate -n '{}' -l {} -F\n", condition, word.substr(2))
                                       : fmt::format("complete -c ipfs-accelerate -n '{}' -a {}\n", condition, word);
  }
  return script;
}

}  // namespace

void add_completion_command(CLI::App& app) {
  CLI::App& command = *app.add_subcommand("completion", "Prints a script that completes commands in a shell");
  const auto shell = std::make_shared<std::string>();
  command.add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""))
      ->type_name("");
  add_examples(command,
               "  source <(ipfs-accelerate completion bash)\n"
               "  ipfs-accelerate completion fish > ~/.config/fish/completions/ipfs-accelerate.fish");
  command.callback([shell, &app] {
    std::vector<Words> all;
    collect(app, "", all);
    Output out;
    // zsh runs the script of bash.
    if (*shell == "zsh") out.line("autoload -U +X bashcompinit && bashcompinit");
    std::string script = *shell == "fish" ? fish_of(all) : bash_of(all);
    script.pop_back();
    out.line(script);
    out.finish();
  });
}

}  // namespace accelerate::cli
