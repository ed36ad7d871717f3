"""The Messages shape: what a request may hold, the text that the model reads for it, and what is answered.

The shape is that of the public Messages API (platform.claude.com/docs, "Messages"); of its fields, those that
a text model with tools can honour. Any other field is refused by name,
so that nothing which was asked for is silently left undone.
cache_control is one of those honoured: here every full block of a prompt is cached, marked or not.
"""
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from .grammar import CLOSE, OPEN, compact

END = "</assistant>"
"""Ends the model's turn when it writes this itself."""


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CacheControl(Shape):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] = "5m"


class Cached(Shape):
    cache_control: CacheControl | None = None


class Text(Cached):
    type: Literal["text"]
    text: str

    def written(self) -> list[str]:
        return [self.text]


def _blocks(content):
    """A bare string is short for one block of text."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


Texts = Annotated[list[Text], BeforeValidator(_blocks)]


class ToolUse(Cached):
    type: Literal["tool_use"]
    id: str
    name: str
    input: dict

    def written(self) -> list[str]:
        return [OPEN, f"{self.name} {compact(self.input)}{CLOSE}"]


class ToolResult(Cached):
    type: Literal["tool_result"]
    tool_use_id: str
    content: Texts = []
    is_error: bool = False

    def written(self) -> list[str]:
        mark = "error" if self.is_error else "result"
        return [f"<{mark}>", *(part.text for part in self.content), f"</{mark}>"]


Block = Annotated[Text | ToolUse | ToolResult, Field(discriminator="type")]


class Turn(Shape):
    role: Literal["user", "assistant"]
    content: Annotated[list[Block], BeforeValidator(_blocks)]

    def ids(self, kind: type, attribute: str) -> set[str]:
        return {getattr(block, attribute) for block in self.content if isinstance(block, kind)}


def _of_object(schema):
    if schema.get("type") != "object":
        raise ValueError(f"type is {schema.get('type')!r}, and the input of a tool is an object")
    return schema


class Tool(Cached):
    """input_schema: what of it calls can be held to, grammar.py says."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: str = ""
    input_schema: Annotated[dict, AfterValidator(_of_object)]

    def written(self) -> list[str]:
        return ["<tools>", compact(self.model_dump(include={"name", "description", "input_schema"})),
                "</tools>\n"]


class ToolChoice(Shape):
    """auto: the model may call a tool; any: it must; tool: it must call the one named;
    none: it cannot. One call at most."""
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool = True


class MessagesRequest(Cached):
    model: str
    max_tokens: Annotated[int, Field(ge=1, strict=True)]
    messages: Annotated[list[Turn], Field(min_length=1)]
    system: Texts = []
    stream: Annotated[bool, Field(strict=True)] = False
    tools: list[Tool] = []
    tool_choice: ToolChoice = ToolChoice(type="auto")
    stop_sequences: list[Annotated[str, Field(min_length=1)]] = []
    temperature: Annotated[float, Field(ge=0, le=1, strict=True)] = 1.0
    top_k: Annotated[int, Field(ge=1, strict=True)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1, strict=True)] = 1.0

    @model_validator(mode="after")
    def _fits_together(self):
        names = [tool.name for tool in self.tools]
        if len(set(names)) < len(names):
            raise ValueError(f"tools: names must differ, and these do not: {', '.join(names)}")
        choice = self.tool_choice
        if (choice.type == "tool") != (choice.name is not None):
            raise ValueError("tool_choice.name: goes with type tool, and with no other")
        if choice.type in ("any", "tool") and not set(names) & ({choice.name} if choice.name else set(names)):
            raise ValueError(f"tool_choice: {choice.name or 'a call'} is asked for, and the tools are: "
                             f"{', '.join(names) or 'none'}")
        open_calls = set()
        for i, turn in enumerate(self.messages):
            if (answered := turn.ids(ToolResult, "tool_use_id")) != open_calls:
                raise ValueError(f"messages.{i}: holds tool_result for {sorted(answered)}, "
                                 f"and the turn before has tool_use {sorted(open_calls)}; "
                                 "each call needs its result in the next turn")
            open_calls = turn.ids(ToolUse, "id")
        if open_calls:
            raise ValueError(f"messages: the last turn calls {sorted(open_calls)}, "
                             "and no tool_result follows")
        return self

    @property
    def callable_tools(self) -> dict[str, dict]:
        """name -> JSON schema of the tools that may be called."""
        choice = self.tool_choice
        return {} if choice.type == "none" else \
            {tool.name: tool.input_schema for tool in self.tools if choice.name in (None, tool.name)}

    @property
    def must_call(self) -> bool:
        return self.tool_choice.type in ("any", "tool")

    def written(self) -> list[str]:
        """The prompt, in pieces that are encoded one by one:
        a longer conversation begins with the same pieces.

        Tools, system and turns stand between marks. The marks are ordinary text, which a user could forge;
        real templates keep tokens of their own for them.
        A last turn of the assistant's is left open for the model to go on.
        """
        out = [piece for tool in self.tools for piece in tool.written()]
        if self.system:
            out += ["<system>", *(part.text for part in self.system), "</system>\n"]
        for turn in self.messages:
            out += [f"<{turn.role}>", *(piece for block in turn.content for piece in block.written()),
                    f"</{turn.role}>\n"]
        out = out[:-1] if self.messages[-1].role == "assistant" else out + ["<assistant>"]
        return out + [OPEN] if self.must_call else out


def parse_request(body: bytes) -> MessagesRequest:
    """ValueError names each field that is wrong, and how."""
    try:
        return MessagesRequest.model_validate_json(body)
    except ValidationError as error:
        faults = [": ".join(filter(None,
                                   (".".join(map(str, fault["loc"])),
                                    fault["msg"].removeprefix("Value error, "))))
                  for fault in error.errors(include_url=False, include_context=False, include_input=False)]
        raise ValueError("; ".join(faults[:5])
                         + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")) from None
