"""`ask`: a question by letter, with a link for each answer and a way for each."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from journey_engine.graph import Await, Emit, Gate, Message, Question
from journey_engine.language import Name, Word
from journey_engine.links import ANSWER_GIVEN
from journey_engine.predicates import EventSet, Happened, Length, Test, Where
from journey_engine.steps.base import Builder, InnerStep, Path, lower_steps
from journey_engine.steps.send import Send

Option = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$", max_length=80)]


def _text(value: Any) -> Any:
    """A number as it is written: the answers of a scale are numbers to people and texts to us."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class AnswerPath(Word):
    """The way of one answer, or of several.

    ```yaml
    ask: {question: taste, template: taste, options: [jazz, crime], timeout: 3 days, paths: [{answer: [jazz, crime]}]}
    ```
    """

    answer: list[Option] = Field(min_length=1, description="One of the options, or a list of them")
    steps: list[InnerStep] = Field(default_factory=list, description="What happens then")

    @field_validator("answer", mode="before", json_schema_input_type=str | int | list[str | int])
    @classmethod
    def _several(cls, value: Any) -> Any:
        return [_text(item) for item in value] if isinstance(value, list) else [_text(value)]


class Ask(Send):
    """Ask by letter and wait for the answer: a click on a link of the letter, kept as the event `answer_given`.

    The template shows `answers`, a list of `label` and `link`, or each link by itself: `links.answer.jazz`.

    ```yaml
    ask:
      question: taste
      template: taste
      options: {jazz: Jazz, folk: Folk, crime: Crime novels}
      timeout: 3 days
      paths:
        - {answer: [jazz, folk], steps: [{send: first-records}]}
        - {answer: crime, steps: [{send: first-books}]}
      none: [{send: house-favourites}]
    ```
    """

    key: ClassVar[str] = "ask"
    main: ClassVar[str | None] = None
    question: Name = Field(description="Its name, kept with the answer; a journey asks it once")
    options: dict[Option, str] = Field(
        min_length=1, max_length=50, description="The answers, each with its label; or a list"
    )
    timeout: Length = Field(description="How long an answer is waited for")
    paths: list[AnswerPath] = Field(min_length=1, description="A way for each answer")
    none: list[InnerStep] = Field(default_factory=list, description="What happens when no answer came")

    @field_validator("options", mode="before", json_schema_input_type=dict[str, str] | list[str | int])
    @classmethod
    def _listed(cls, value: Any) -> Any:
        if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
            return {_text(item): str(item) for item in value}
        return {_text(key): label for key, label in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _every_answer_leads_somewhere(self) -> Ask:
        taken: set[str] = set()
        for path in self.paths:
            for answer in path.answer:
                if answer not in self.options:
                    raise ValueError(f"'{answer}' is none of the options: {', '.join(self.options)}")
                if answer in taken:
                    raise ValueError(f"two paths take the answer '{answer}'; the second would never be gone")
                taken.add(answer)
        lost = [option for option in self.options if option not in taken]
        if lost:
            raise ValueError(f"no path takes the answer '{lost[0]}'; write one for it, or leave the option out")
        return self

    def default_id(self) -> str:
        return f"ask:{self.question}"

    def lower(self, builder: Builder, following: int, path: Path) -> int:
        outside, own = builder.around[:-1], builder.around[-1]
        builder.claim_question(self.question, (*path, "question"))
        # The ways lie behind the step, so that they may look at its answer.
        builder.around = outside
        silent = lower_steps(self.none, builder, following, (*path, "none"))
        ways = [
            lower_steps(way.steps, builder, following, (*path, "paths", n, "steps")) for n, way in enumerate(self.paths)
        ]
        builder.around = (*outside, f"{own}/answer")
        chosen = silent
        for number in range(len(self.paths) - 1, -1, -1):
            predicate = Happened(events=self._answers(self.paths[number].answer))
            where = (*path, "paths", number)
            chosen = builder.add(Gate, where, predicate=predicate, next=ways[number], otherwise=chosen)
        builder.around = (*outside, own)
        awaited = self._answers(list(self.options))
        waiting = builder.add(Await, path, events=awaited, timeout=self.timeout, next=chosen, otherwise=silent)
        return builder.add(Emit, path, effect=self.message(builder, path), next=waiting)

    def message(self, builder: Builder, path: Path) -> Message:
        """The effect of the question."""
        asked = Question(name=self.question, answers=tuple(self.options.items()))
        return super().message(builder, path).model_copy(update={"ask": asked})

    def _answers(self, options: list[str]) -> EventSet:
        """The answers of this pass to the question that are one of these."""
        where = (
            Where(name="answer", tests=(Test(op="in", operands=tuple(options)),)),
            Where(name="question", tests=(Test(op="is", operands=(self.question,)),)),
        )
        return EventSet(name=ANSWER_GIVEN, where=where, of_pass=True)
