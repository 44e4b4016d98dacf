"""Which public benchmarks are run, each with its options; those that are None are not."""

from dataclasses import dataclass, fields

from treasure.errors import ConfigError
from treasure.evaluation.benchmarks.humanevalpack_config import HumanEvalPackConfig
from treasure.evaluation.benchmarks.ifeval_config import IFEvalConfig
from treasure.evaluation.benchmarks.language_confusion_config import LanguageConfusionConfig
from treasure.evaluation.benchmarks.length_instructed_config import LengthInstructedConfig
from treasure.evaluation.benchmarks.open_ended_config import OpenEndedConfig
from treasure.evaluation.benchmarks.quixbugs_config import QuixBugsConfig
from treasure.evaluation.benchmarks.reward_levers_config import RewardLeversConfig
from treasure.evaluation.benchmarks.translation_config import TranslationConfig


@dataclass(kw_only=True, slots=True)
class SuiteConfig:
    """Options of the benchmarks that are run, one after the other."""

    ifeval: IFEvalConfig | None = None
    """Instructions that a program can check, in four languages."""
    language_confusion: LanguageConfusionConfig | None = None
    """Whether answers keep to the language that is asked for."""
    open_ended: OpenEndedConfig | None = None
    """Open-ended prompts against another model's answers, decided by a judge."""
    length_instructed: LengthInstructedConfig | None = None
    """Limits of words, and win rates within them."""
    humanevalpack: HumanEvalPackConfig | None = None
    """Functions to write, to repair and to translate in six programming languages."""
    quixbugs: QuixBugsConfig | None = None
    """Python programs with one bug each."""
    reward_levers: RewardLeversConfig | None = None
    """What a reward model says of answers as the lever of quality is turned."""
    translation: TranslationConfig | None = None
    """Translation, by BLEU, chrF++ and XCOMET."""

    @property
    def chosen(self) -> list[str]:
        """Names of those that are run."""
        return [one.name for one in fields(self) if getattr(self, one.name) is not None]

    def check(self) -> None:
        """Refuses a choice of none.

        Raises:
            ConfigError: names what can be chosen.
        """
        if not self.chosen:
            raise ConfigError(
                "No benchmark is named. Name one, such as suite=ifeval, or several, such as "
                "'suite=[ifeval,language_confusion]'; --help lists all."
            )

    def only(self, what: str) -> str:
        """The one benchmark that is chosen, which `what` needs.

        Raises:
            ConfigError: several are.
        """
        if len(self.chosen) != 1:
            raise ConfigError(f"{what} of one benchmark; suite names {', '.join(self.chosen)}.")
        return self.chosen[0]
