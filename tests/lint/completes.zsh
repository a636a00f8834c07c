#!/usr/bin/env zsh
#  What zsh offers: completes.zsh DIR, where the build put the completions (DIR/zsh). Each line of stdin is what somebody
#  types before the tab, "=>", and what stands there then. The current directory and PATH are what files and commands are
#  sought in.
set -eu
zmodload zsh/zpty
zpty typed zsh -f -i
setup=(
    "fpath=(${(q)1}/zsh \$fpath)"
    "autoload -U compinit && compinit -u -D"
    "unsetopt auto_list list_beep zle_bracketed_paste prompt_cr"
    "shown () { zle complete-word; zle -I; print -r -- \"<\${BUFFER% }>\"; BUFFER= }"
    "zle -N shown && bindkey '^I' shown"
    "print be''gun"
)
zpty -w typed "${(j:; :)setup}"
zpty -r typed said '*begun*'
bad=0
while IFS= read -r line; do
    zpty -w -n typed "${line% => *}"$'\t'
    zpty -r typed said '*<*>*'
    [[ $said == *"<${line#* => }>"* ]] || { print -ru2 -- "manual: zsh, '$line': ${${said##*<}%%>*}"; bad=1 }
done
zpty -d typed
exit $bad
