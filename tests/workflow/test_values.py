from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.workflow.values import Policy, Scope, Source, resolve

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
        # recorded: data/language/values 04, 13
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
    values = scope(D='$H `x` "q"')
    text = 'cat <<\'EOF\'\n{"v": "${D}", "w": "$D", "x": "-${D}"}\nEOF\necho "${D}"\n'
    assert resolve(text, S, values) == (
        'cat <<\'EOF\'\n{"v": "$H `x` \\"q\\"", "w": "$D", "x": "-${D}"}\nEOF\necho "${D}"\n'
    )


def test_json_stays_valid_in_engine_fields() -> None:
    assert resolve('{"a": "${D}"}', V, scope(D='x"\n\\')) == '{"a": "x\\"\\n\\\\"}'


def test_other_policies() -> None:
    values = scope()
    assert resolve("$HOME $HOSTONLY ${env.HOSTONLY} $NOPE", OS, values) == "/root h h $NOPE"
    assert resolve("$S ${params.n}", Policy.LITERAL, values) == "$S ${params.n}"
    assert resolve(r"o-\$S-\${params.n}", Policy.VALUE_PATH, values) == r"o-\api-${params.n}"
    assert resolve(r"\$S $S '$S'", Policy.VALUE_INTERPRETER, values) == r"\$S api '$S'"


def test_missing_payload_keeps_the_reference() -> None:
    assert resolve("${params}", V, Scope()) == "${params}"


@given(st.text())
def test_an_inserted_value_is_never_read_again(value: str) -> None:
    values = Scope(params={"p": value}).child([("X", value), ("S", "api")], Source.DAG_ENV)
    assert resolve("${params.p}", V, values) == value
    assert resolve("<${env.X}|$X|${X}>", V, values) == f"<{value}|{value}|{value}>"
    assert resolve("a ${params.p} b", S, values) == f"a {value} b"


@given(st.text(alphabet="${}'\"\\ SXn1.:-=?#%/*[]<E\nparmsev", max_size=40))
def test_any_text_resolves_and_unknown_names_change_nothing(text: str) -> None:
    empty = Scope()
    for policy in Policy:
        result = resolve(text, policy, empty)
        assert result.replace("\\", "") == text.replace("\\", "")
        resolve(text, policy, scope())


def test_resolving_is_linear() -> None:
    import time

    begin = time.process_time()
    texts = ["'" * 20_000 + "$S" * 20_000, "${S" * 5_000, "\\" * 50_000, '"${D}"' * 3_000]
    texts.append("cat <<'A'\n" * 2_000 + '"${D}"' * 1_000)
    for text in texts:
        resolve(text, V, scope())
        resolve(text, S, scope(D="$"))
    assert time.process_time() - begin < 2.0
