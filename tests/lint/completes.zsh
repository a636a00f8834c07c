#!/usr/bin/env zsh
#  What a shell offers: completes.zsh DIR SHELL, where the build put the completions (DIR/bash, DIR/zsh). Each line of stdin
#  is what somebody types before the tab, "=>", and what stands there then (in bash: with all that may follow). The current
#  directory and PATH are what files and commands are sought in.
set -eu
zmodload zsh/zpty
made=$1 shell=$2
case $shell in
zsh)
    start=(zsh -f -i)
    setup=(
        "fpath=(${(q)made}/zsh \$fpath)"
        "autoload -U compinit && compinit -u -D"
        "unsetopt auto_list list_beep zle_bracketed_paste prompt_cr"
        "shown () { zle complete-word; zle -I; print -r -- \"<\${BUFFER% }>\"; BUFFER= }"
        "zle -N shown && bindkey '^I' shown"
        "print be''gun"
    )
    ;;
bash)
    start=(bash --norc --noprofile -i)
    setup=(
        "bind 'set enable-bracketed-paste off'"
        "for file in ${(q)made}/bash/*; do . \$file; done"
        "shown () { echo \"<\${READLINE_LINE% }>\"; READLINE_LINE= READLINE_POINT=0; }"
        "bind -x '\"\\C-t\": shown' && bind '\"\\C-o\": insert-completions' && bind '\"\\t\": \"\\C-o\\C-t\"'"
        "echo be''gun"
    )
    ;;
esac
zpty typed "${start[@]}"
zpty -w typed "${(j:; :)setup}"
zpty -r typed said '*begun*'
bad=0
while IFS= read -r line; do
    zpty -w -n typed "${line% => *}"$'\t'
    zpty -r typed said '*<*>*'
    [[ $said == *"<${line#* => }>"* ]] || { print -ru2 -- "manual: $shell, '$line': ${${said##*<}%%>*}"; bad=1 }
done
zpty -d typed
exit $bad
