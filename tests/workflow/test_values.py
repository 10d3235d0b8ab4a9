from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.workflow.quoting import json_escaped
from edge.workflow.references import CONTEXT_FIELDS
from edge.workflow.values import ALIASES, Policy, Scope, Source, StepView, resolve

V, S, OS = Policy.VALUE, Policy.VALUE_SHELL, Policy.VALUE_OS


def scope(**env: str) -> Scope:
    root = Scope(
        params={"n": "prod", "1": "one", "2": "two", "k": "v"},
        consts={"c": "K"},
        context={"run.id": "r1", "attempt.started_at": "T", "step.name": "s"},
        host={"HOSTONLY": "h", "HOME": "/root"},
        payload='{"n":"prod"}',
    )
    inner = root.child([("HOME", "/root")], Source.PROCESS).child([("n", "prod")], Source.PARAM)
    return inner.child({"S": "api", "EMPTY": "", **env}.items(), Source.DAG_ENV)


OPERATORS = (
    "${S:-d} ${NOPE:-d} ${EMPTY:-d} ${EMPTY-d} ${S:+p} ${EMPTY:+p} ${EMPTY+p} ${NOPE:+p} ${S:?e} "
    "${S:1} ${S:0:2} ${S: -1} ${#S} ${S#a} ${S%i} ${S/p/X} ${S//[ap]/X} ${S^^} ${S@Q} ${S:-$n}"
)
UNDEFINED = (
    "${params.x} ${consts.x} ${steps.q.outputs.x} ${context.bad} ${context.run.id.x} "
    "${foreach.item} ${env} ${} $NOPE ${not.env} ${params.x.y} ${steps.a.b} $params.n $env.S"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # spec 11 section 2, spec 11 section 7.2, spec 11 section 7.3, spec 11 section 1;
        # recorded: data/language/values 06, 07, 11, 13
        (
            r"\${params.n} \\${params.n} \\\${params.n} \$S \\$S \${env.S}",
            r"${params.n} \\prod \\${params.n} $S \\api ${env.S}",
        ),
        (
            OPERATORS,
            "api ${NOPE:-d} d  p  p ${NOPE:+p} api pi ap i 3 pi ap aXi XXi ${S^^} ${S@Q} api",
        ),
        ("${EMPTY:=w} ${S:-d} $S ${env.S}", "${EMPTY:=w} ${S:-d} api api"),
        ("${EMPTY:?e} ${S:-d} ${S}", "${EMPTY:?e} ${S:-d} api"),
        (
            "'$S' '${S}' '${env.S}' \"${S}\" \"$S\" `x` $(y)",
            "'$S' '${S}' 'api' \"api\" \"api\" `x` $(y)",
        ),
        (UNDEFINED, UNDEFINED),
        ("$1 ${2} '$1' $3 ${params.k} ${params}", 'one two \'$1\' $3 v {"n":"prod"}'),
        ("it's $S isn't ${S}", "it's $S isn't api"),
        ("it's $S", "it's api"),
        (r"\'$S\'", r"\'api\'"),
        ("${ params.n } ${\tenv.S\t}", "prod api"),
        ("${context.run.id} ${run.id} ${run.started_at} ${step.name}", "r1 r1 T s"),
        ("${consts.c}$S$S", "Kapiapi"),
        ("$HOME $HOSTONLY ${env.HOME} ${env.HOSTONLY}", "$HOME $HOSTONLY /root ${env.HOSTONLY}"),
        ("$EMPTY${EMPTY}.", "."),
        ("${X:-${params.n}}", "${X:-${params.n}}"),
        ("${S", "${S"),
        ("$ $$ $- $? ${-}", "$ $$ $- $? ${-}"),
        ("$S_X $S-X ${S}_X", "$S_X api-X api_X"),
        ("$1x ${1}x $10", "$1x onex $10"),
        (r"\$1 \${2}", "$1 ${2}"),
        ("${S/x/y} ${S/} ${S//a} ${S/a/}", "api api pi pi"),
        ("${S##*p} ${S%%p*} ${S#[!x]} ${S#[}", "i a pi api"),
        ("${S:9} ${S:1:-1} ${S:0:-9} ${S:x}", " p  api"),
    ],
)
def test_values(text: str, expected: str) -> None:
    assert resolve(text, V, scope()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # spec 11 section 7.4; recorded: data/language/values 04, 13
        (
            "echo ${params.n} '${params.n}' ${env.S} $S '$S' \"$S\" ${S:-d} ${NOPE:-d} \\$S $n",
            "echo prod 'prod' api $S '$S' \"$S\" ${S:-d} ${NOPE:-d} \\$S $n",
        ),
        (
            "echo $1 ${2} \"$1\" $k ${params.k} $1x '$1' \\$1",
            "echo one two \"one\" $k v $1x '$1' \\$1",
        ),
        ("echo `echo tick` $(echo paren) $((2+3)) ${#S} $$", None),
        ("awk '{print $1}' f", None),
        ('echo "${S}"', 'echo "api"'),
        ('echo "x${S}"', None),
        ('echo "${NOPE}"', None),
        (r"echo \"${S}\"", None),
        ("echo $T/x ${T}", "echo ~/d/x ~/d"),
        ("echo '$T' \\$T", None),
        ('echo "${Q}" "${D}"', 'echo "a\\"b" "${D}"'),
        ('echo \'{"v": "${D}"}\'', 'echo \'{"v": "$x `y`"}\''),
        (r"\${params.n} ${HOME} ${env.HOME}", "${params.n} ${HOME} /root"),
    ],
)
def test_shell_text(text: str, expected: str | None) -> None:
    values = scope(T="~/d", Q='a"b', D="$x `y`")
    assert resolve(text, S, values) == (text if expected is None else expected)


def test_token_in_a_quoted_here_document() -> None:
    """spec 11 section 7.4: the token, also inside quoted here-documents."""
    values = scope(D='$H `x` "q"')
    text = 'cat <<\'EOF\'\n{"v": "${D}", "w": "$D", "x": "-${D}"}\nEOF\necho "${D}"\n'
    assert resolve(text, S, values) == (
        'cat <<\'EOF\'\n{"v": "$H `x` \\"q\\"", "w": "$D", "x": "-${D}"}\nEOF\necho "${D}"\n'
    )


def test_json_stays_valid_in_engine_fields() -> None:
    """spec 11 section 7.4: the token in engine-expanded fields."""
    assert resolve('{"a": "${D}"}', V, scope(D='x"\n\\')) == '{"a": "x\\"\\n\\\\"}'


@pytest.mark.parametrize(
    ("policy", "text", "expected"),
    [
        # spec 11 section 3 and spec 11 section 7.2: who owns `$X`, and where the process counts
        (Policy.LITERAL, "$S ${params.n} \\${params.n}", "$S ${params.n} \\${params.n}"),
        (
            Policy.STRICT,
            "$S ${S} $1 ${params.n} \\${params.n} \\$S",
            "$S ${S} $1 prod ${params.n} \\$S",
        ),
        (V, "$HOME ${env.HOME} $HOSTONLY", "$HOME /root $HOSTONLY"),
        (Policy.VALUE_PROCESS, "$HOME $HOSTONLY", "/root $HOSTONLY"),
        (OS, "$HOME $HOSTONLY ${env.HOSTONLY} $NOPE", "/root h ${env.HOSTONLY} $NOPE"),
        (Policy.VALUE_HOST, "$HOSTONLY ${env.HOSTONLY}", "h h"),
        (Policy.DYNAMIC, "$HOSTONLY ${env.HOSTONLY} ${HOME:-x}", "h h /root"),
        (Policy.VALUE_SIMPLE, "$S ${S} ${S:-d} ${EMPTY:-d}", "api api ${S:-d} ${EMPTY:-d}"),
        # spec 11 section 7.2: escapes, by field
        (V, r"\$S \\$S \\\$S", r"$S \\api \\$S"),
        (S, r"\$S \${S} \$1", r"\$S \${S} \$1"),
        (Policy.VALUE_PATH, r"o-\$S-\${params.n}", r"o-\api-${params.n}"),
        # spec 11 section 7.4: interpreters that are no Unix shell
        (Policy.VALUE_INTERPRETER, r"\$S $S '$S' ${S:-d} $NOPE", r"\$S api '$S' api $NOPE"),
        (Policy.VALUE_POWERSHELL, "$env:S $S ${S:-d} ${params.n}", "$env:S api ${S:-d} prod"),
    ],
)
def test_policies(policy: Policy, text: str, expected: str) -> None:
    assert resolve(text, policy, scope(env="E")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # spec 11 section 7.3, row by row
        ("${S:-w} ${S-w} ${EMPTY:-w} [${EMPTY-w}]", "api api w []"),
        ("${S:+w} ${S+w} [${EMPTY:+w}] ${EMPTY+w}", "w w [] w"),
        ("${S:?w} ${S?w} [${EMPTY?w}]", "api api []"),
        ("${EMPTY:?w}", "${EMPTY:?w}"),
        ("${S:=w} ${S=w} [${EMPTY=w}]", "api api []"),
        ("${EMPTY:=w}", "${EMPTY:=w}"),
        ("${S:0} ${S:1:1} ${S: -2} ${S:0:-1} ${S:9}. ${S:x}", "api p pi ap . api"),
        ("${U:1:1}", "\ufffd"),
        ("${#S} ${#U} ${#EMPTY}", "3 2 0"),
        ("${P#*/} ${P##*/} ${P%/*} ${P%%/*} ${P#[}", "b/c c a/b a a/b/c"),
        ("${P/\\//_} ${P//[ab]/X} ${P/#a/X} ${P//}", "a_b/c X/X/c a/b/c a/b/c"),
        ("${P/$SL/_} ${S/p/$SL}", "a_/c a/bi"),
        ("${S:-$n} ${EMPTY:-$n} ${EMPTY:-x$n.$NOPE}", "api prod xprod.$NOPE"),
        ("${NOPE:-w} ${NOPE:+w} ${NOPE#x} ${#NOPE}", None),
        (
            "${EMPTY:=w} ${S:-d} ${#S} $S ${S} ${env.S} ${params.n}",
            "${EMPTY:=w} ${S:-d} ${#S} api api api prod",
        ),
        ("${S^^} ${S,,} ${S@Q} ${!S} ${} ${S:-{}} ${S:-${S}}", None),
    ],
)
def test_shell_expressions(text: str, expected: str | None) -> None:
    values = scope(P="a/b/c", U="\u00e9x", SL="/b")
    assert resolve(text, V, values) == (text if expected is None else expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # spec 11 section 2: the grammar of strict references, and what is none
        ("${params.k} ${ params.k } ${consts.c} ${env.S} ${params}", 'v v K api {"n":"prod"}'),
        ("'${params.k}'", "'v'"),
        ("$params.k $consts.c $env.S $steps.a.outputs.b", None),
        ("${params.k.x} ${steps.a.b} ${steps.a.outputs.m.t} ${steps.a-b.outputs.c}", None),
        ("${steps.1a.outputs.c} ${env} ${not.env} ${unrelated.context} ${params.1}", None),
        ("${inputs.x} ${outputs.x} ${context.bad} ${context.run.id.extra}", None),
        ("${NOPE:-${params.k}}", None),
        (
            r"\${inputs.x} \${foreach.a} \${context.a.b} \${steps.a.outputs.b} \${params}",
            "${inputs.x} ${foreach.a} ${context.a.b} ${steps.a.outputs.b} ${params}",
        ),
    ],
)
def test_strict_references(text: str, expected: str | None) -> None:
    assert resolve(text, V, scope()) == (text if expected is None else expected)


CONTEXT = (
    "dag.name run.id run.status run.scheduled_at run.root_name run.root_id attempt.id"
    " attempt.started_at step.id step.name trigger.type trigger.actor paths.log_file"
    " paths.work_dir paths.artifacts_dir paths.wiki_dir paths.docs_dir paths.step_stdout_file"
    " paths.step_stderr_file paths.step_output_file profile.name profile.resolved_at"
    " pushback.iteration pushback.previous_stdout_file"
).split()


@pytest.mark.parametrize("field", CONTEXT)
def test_context_fields_and_their_short_forms(field: str) -> None:
    """spec 11 section 6: each field, its alias, and nothing where it is missing."""
    alias = "run.started_at" if field == "attempt.started_at" else field
    text = f"${{context.{field}}} ${{{alias}}}"
    assert resolve(text, V, Scope(context={field: "x"})) == "x x"
    assert resolve(text, V, Scope()) == text


def test_there_are_no_other_context_fields_or_aliases() -> None:
    """spec 11 section 6: aliases are frozen."""
    assert sorted(CONTEXT) == sorted(CONTEXT_FIELDS)
    assert len(ALIASES) == len(CONTEXT)
    values = Scope(context={"attempt.started_at": "T"})
    assert resolve("${attempt.started_at}", V, values) == "${attempt.started_at}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # spec 11 section 7.4: the token in shell text, by what the shell reads at its place
        ('echo "${Q}"', 'echo "a\\"b"'),
        ('echo "${D}"', None),
        ("echo '\"${D}\"'", "echo '\"$x `y`\"'"),
        ('echo "it\'s" "${D}" "isn\'t"', None),
        ("echo '\"${A}\"'", "echo '\"a'\\''; rm x\"'"),
        ('echo "a"${A}"b"', None),
        ('echo "x" "${W}"', 'echo "x" "two words"'),
        ('cat <<E\n"${D}"\nE\n', None),
        ('cat <<E\n"${Q}"\nE\n', 'cat <<E\n"a\\"b"\nE\n'),
        # dotted references are unknown to the shell: escaped, never left
        ('echo "${o.output}"', 'echo "\\$(id) \\`id\\` \\"\\n"'),
        ("echo '\"${o.output}\"'", 'echo \'"$(id) `id` \\"\\n"\''),
        # strict references are inserted raw
        ('echo "${env.Q}"', 'echo "a"b"'),
    ],
)
def test_tokens_in_shell_text(text: str, expected: str | None) -> None:
    values = scope(Q='a"b', D="$x `y`", A="a'; rm x", W="two words")
    values = values.with_steps({"o": StepView(output='$(id) `id` "\n')})
    assert resolve(text, S, values) == (text if expected is None else expected)


def test_missing_payload_keeps_the_reference() -> None:
    """spec 11 section 5: with no parameter at all there is no payload."""
    assert resolve("${params}", V, Scope()) == "${params}"


HOSTILE = st.one_of(
    st.text(),
    st.text(alphabet="$(){}`'\"\\\n SXparms.n1"),
    st.sampled_from(["$(id)", "`id`", "${params.p}", "$S", "'", '"', "\n", "${S:-x}", "~/$S"]),
)
POLICIES = [policy for policy in Policy if policy is not Policy.LITERAL]


@given(HOSTILE, st.sampled_from(POLICIES))
def test_a_value_is_inserted_as_it_is_and_never_read_again(value: str, policy: Policy) -> None:
    """spec 11 section 1, rule 4: an inserted value is data, in every field."""
    values = Scope(
        params={"p": value, "1": value},
        consts={"c": value},
        context={"run.id": value},
        payload=value,
    )
    values = values.child([("X", value), ("S", "api")], Source.DAG_ENV)
    values = values.with_steps({"o": StepView(output=value, declared={"d": value})})
    values = values.with_foreach({"item": value})
    strict = "${params.p}|${consts.c}|${run.id}|${env.X}|${params}|${steps.o.outputs.d}"
    strict += "|${foreach.item}"
    assert resolve(strict, policy, values) == "|".join([value] * 7)
    if policy is Policy.STRICT:
        return
    assert resolve("<${o.output}> $1 ${1}", policy, values) == f"<{value}> {value} {value}"
    if policy is not S:
        assert resolve("<$X|${X}>", policy, values) == f"<{value}|{value}>"
        inside = resolve('{"v": "${X}"}', policy, values)
        assert inside == '{"v": "' + json_escaped(value) + '"}'


@given(HOSTILE)
def test_a_value_is_one_word_of_a_shell(value: str) -> None:
    """spec 11 section 7.4: in double quotes the value itself, nothing executed."""
    values = Scope().child([("X", value)], Source.DAG_ENV)
    text = resolve('echo "${X}"', S, values)
    if text != 'echo "${X}"':
        body = text.removeprefix('echo "').removesuffix('"')
        assert not re.search(r"[$`\n]", body)
        assert re.sub(r'\\(["\\])', r"\1", body) == value


@given(st.text(alphabet="${}'\"\\ SXn1.:-=?#%/*[]<E\nparmsev", max_size=40))
def test_any_text_resolves_and_unknown_names_change_nothing(text: str) -> None:
    """spec 11 section 1: what has no value stays as it is written."""
    empty = Scope()
    for policy in Policy:
        result = resolve(text, policy, empty)
        assert result.replace("\\", "") == text.replace("\\", "")
        resolve(text, policy, scope())


def test_resolving_is_linear() -> None:
    """spec 11 section 13: one pass, whatever the text."""
    import time

    begin = time.process_time()
    texts = ["'" * 20_000 + "$S" * 20_000, "${S" * 5_000, "\\" * 50_000, '"${D}"' * 3_000]
    texts.append("cat <<'A'\n" * 2_000 + '"${D}"' * 1_000)
    for text in texts:
        resolve(text, V, scope())
        resolve(text, S, scope(D="$"))
    assert time.process_time() - begin < 2.0


@pytest.mark.parametrize(
    ("policy", "text", "expected"),
    [
        # spec 11 section 12: what schema v1 and 1.30.2 did, and what holds now
        (
            Policy.VALUE_HOST,
            "`echo no` $(echo no) $NOPE ${params.n}",
            "`echo no` $(echo no) $NOPE prod",
        ),
        (Policy.VALUE_PATH, "`date`/${S}.log", "`date`/api.log"),
        (S, 'x $n "$n" "${n}"', 'x $n "$n" "prod"'),
        (
            V,
            "$S ${S} $1 ${J.a} ${o.stdout} ${o.stderr} ${o.exit_code}",
            'api api one {"b":[{"x":1}]} /o /e 4',
        ),
        (S, "${J.a} ${o.stdout}", '{"b":[{"x":1}]} /o'),
        (V, "${run.id} ${consts.c} ${env.S} ${steps.o.outputs.d}", "r1 K api D"),
    ],
)
def test_what_older_versions_did(policy: Policy, text: str, expected: str) -> None:
    view = StepView(stdout=lambda: "/o", stderr=lambda: "/e", exit_code=4, declared={"d": "D"})
    values = scope(J='{"a":{"b":[{"x":1}]}}').with_steps({"o": view})
    assert resolve(text, policy, values) == expected
