"""`template.render`: a Go template over `data`, to stdout or a file (spec 13 section 11)."""

from __future__ import annotations

from edge.actions.base import ActionContext, ActionError, Outcome
from edge.actions.files import make_parents, write_file
from edge.actions.inprocess import go_error, in_thread, run_in_process
from edge.actions.inputs import Inputs
from edge.workflow.gotemplate import TemplateError, render_template

__all__ = ["run_template"]


async def run_template(context: ActionContext) -> Outcome:
    """Render and print, or write the file and print nothing."""
    return await run_in_process(context, _run, literal=("template",), ignores_stop=True)


async def _run(context: ActionContext, inputs: Inputs) -> None:
    text = inputs.text("template").strip()
    if inputs.has("template_ref"):
        text = inputs.text("template_ref")
        if not text.strip() or text == context.step.options.get("template_ref"):
            raise ActionError("template: with.template_ref has no value")
    rendered = await in_thread(_render, text, inputs)
    data = rendered.encode("utf-8", "surrogateescape")
    output = inputs.path("output")
    if output:
        await in_thread(_write, output, data)
    else:
        context.write_stdout(data)


def _render(text: str, inputs: Inputs) -> str:
    try:
        return render_template(text, inputs.members("data"))
    except TemplateError as exc:
        kind = "parse error" if exc.is_syntax else "execution error"
        raise ActionError(f"template: {kind}: {exc}") from None


def _write(path: str, data: bytes) -> None:
    try:
        make_parents(path)
        write_file(path, data, mode=0o600, overwrite=True, atomic=True)
    except OSError as exc:
        raise ActionError(f"template: {go_error('open', exc, path)}") from None
