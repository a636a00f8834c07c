#  calls: pages of section 3, made from a template and from include/dishes.h, whose comments are the manual of each call.
#
#      awk -v mode=page -v examples=DIR -f calls.awk include/dishes.h PAGE.scd.in > PAGE.scd
#      awk -v mode=list -f calls.awk include/dishes.h          every call, one a line
#
#  A line of the template is replaced where it is one of these:
#
#      @SYNOPSIS@        the prototypes of the calls that the section NAME names
#      @CALLS@           what the header says of each of them
#      @HEAD TITLE@      the paragraphs of the header's first comment that follow TITLE, up to the next title; those before
#                        the first title are The idea
#      @TYPE NAME@       a type of the header as it stands there, after what it says of it; an enum goes by its first name
#      @EXAMPLE NAME@    the program NAME.c of the directory `examples`, and what it prints, NAME.out

BEGIN { title = "The idea" }

FNR == 1 { file++ }

file == 1 { read_header(); next }

mode == "page" { write_page() }

END {
    if (mode == "list")
        for (i = 1; i <= calls; i++)
            print call[i]
    exit bad
}

function fail(text) {
    print FILENAME ": " text > "/dev/stderr"
    bad = 1
}

#  ---- the header

function read_header() {
    if (/^\/\*/ || in_head)
        read_head()
    else if (declaration != "" || /^DISHES_API /)
        read_declaration()
    else if (type_text != "" || /^typedef struct \{|^enum \{/)
        read_type()
    else if (/^typedef .*\(/)
        keep_type($0 "\n", name_in($0, "dishes_[a-z_]* \\("))
    else if (/^\/\/  ----/ || /^$/)
        comment = of_last = ""
    else if (/^\/\//)
        comment = comment $0 "\n"
}

function read_head() {
    in_head = !/\*\//
    sub(/^ \*\/?/, "")
    sub(/^  |^ /, "")
    if (/^[A-Z][^.]*$/ && length < 50 && head_before == "")
        title = $0
    else if (in_head && FNR > 1)
        head[title] = head[title] $0 "\n"
    head_before = $0
}

#  What calls have no comment of their own, those share it with the one before.
function read_declaration() {
    if (declaration == "") {
        if (comment != "")
            of_last = comment
        comment = ""
    }
    declaration = declaration $0 "\n"
    if (!/;/)
        return
    call[++calls] = name_in(declaration, "dishes_[a-z_]* \\(")
    said[call[calls]] = of_last
    if (match(declaration, /; *\/\/ /)) {
        said[call[calls]] = substr(declaration, RSTART + 1)
        declaration = substr(declaration, 1, RSTART) "\n"
    }
    sub(/^DISHES_API /, "", declaration)
    sub(/\n$/, "", declaration)
    gsub(/\n +/, " ", declaration)
    prototype[call[calls]] = declaration
    declaration = ""
}

function read_type() {
    type_text = type_text $0 "\n"
    if (!/^}|^enum.*;/)
        return
    keep_type(type_text, /^} dishes/ ? name_in($0, "dishes_[a-z_]*;") : name_in(type_text, "DISHES_[A-Z_]*"))
    type_text = ""
}

function keep_type(text, name) {
    type[name] = text
    if (comment != "")
        of_last = comment
    said[name] = of_last
    comment = ""
}

#  What matches, without what follows the name.
function name_in(text, pattern,    name) {
    name = match(text, pattern) ? substr(text, RSTART, RLENGTH) : ""
    sub(/[^A-Za-z_].*/, "", name)
    return name
}

#  ---- the page

function write_page() {
    if (/^# NAME/)
        in_name = 1
    else if (/^# /)
        in_name = 0
    if (in_name && / - /)
        wanted = wanted " " $0
    if (/^@.*@$/)
        write_part($1, $2)
    else
        print
}

function write_part(what, name) {
    sub(/^@[A-Z]* /, "")
    sub(/@$/, "")
    if (what == "@SYNOPSIS@")
        write_synopsis()
    else if (what == "@CALLS@")
        write_calls()
    else if (what == "@HEAD")
        write_text(head_of($0))
    else if (what == "@TYPE")
        write_type($0)
    else if (what == "@EXAMPLE")
        write_example($0)
    else
        fail("no such part: " what)
}

function is_wanted(name) {
    return (" " wanted " ") ~ ("[ ,]" name "[ ,]")
}

function head_of(name) {
    if (!(name in head))
        fail("the header has no title " name)
    return head[name]
}

function write_synopsis(    i) {
    print "*#include <dishes.h>*\n"
    for (i = 1; i <= calls; i++)
        if (is_wanted(call[i]))
            print "*" plain(prototype[call[i]]) "*\n"
}

#  Neighbours of which the header says one thing have one heading.
function write_calls(    i, names) {
    for (i = 1; i <= calls; i++) {
        if (!is_wanted(call[i]))
            continue
        names = names (names == "" ? "" : ", ") plain(call[i])
        if (i < calls && is_wanted(call[i + 1]) && said[call[i + 1]] == said[call[i]])
            continue
        if (said[call[i]] == "")
            fail("the header says nothing of " call[i])
        print "## " names "\n"
        write_text(said[call[i]])
        names = ""
    }
}

function write_type(name) {
    if (!(name in type))
        fail("no such type: " name)
    write_text(said[name])
    write_literal(type[name])
}

function write_example(name) {
    write_literal(content(examples "/" name ".c"))
    print "It prints\n"
    write_literal(content(examples "/" name ".out"))
}

function content(path,    line, text) {
    while ((getline line < path) > 0)
        text = text line "\n"
    close(path)
    if (text == "")
        fail("nothing is in " path)
    return text
}

#  Comments: a paragraph is one line; what is indented further is code.
function write_text(text,    lines, size, i, line, paragraph, code) {
    size = split(text, lines, "\n")
    for (i = 1; i <= size + 1; i++) {
        line = i > size ? "" : lines[i]
        if (sub(/^ *\/\//, "", line))
            sub(/^  |^ /, "", line)
        if (line ~ /^    /)
            code = code substr(line, 5) "\n"
        else if (line != "")
            paragraph = paragraph (paragraph == "" ? "" : " ") line
        if (line !~ /^    / && code != "") {
            write_literal(code)
            code = ""
        }
        if ((line == "" || line ~ /^    /) && paragraph != "") {
            print marked(paragraph) "\n"
            paragraph = ""
        }
    }
}

function write_literal(text) {
    gsub(/\\/, "&&", text)
    printf "```\n%s```\n\n", text
}

function plain(text) {
    gsub(/[\\*_#`~]/, "\\\\&", text)
    return text
}

#  What stands in `quotes` of the comments is the name of something.
function marked(text,    parts, size, i, out) {
    size = split(text, parts, "`")
    for (i = 1; i <= size; i++)
        out = out (i % 2 ? plain(parts[i]) : "_" plain(parts[i]) "_")
    return out
}
