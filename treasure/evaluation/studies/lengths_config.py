"""Options of the study of lengths."""

from dataclasses import dataclass, field

from treasure.errors import ConfigError


@dataclass(kw_only=True, slots=True)
class LengthsStudyConfig:
    """What is asked to see how far numbers are obeyed, and what a calibration takes."""

    task: str = "OpenEnded"
    """Task of the examples whose prompts are asked; those of unknown task go with them, '' takes all."""
    language: str = "English"
    """Language of the examples whose prompts are asked; '' takes all."""
    num_response_prompts: int = 40
    """Prompts that are asked for each number in each condition, at least 1."""
    num_response_numbers: int = 14
    """Numbers asked for over the trained range, at least 2; three more lie beyond."""
    calibrated: list[str] = field(default_factory=lambda: ["length_tokens"])
    """Categories of whole numbers whose limits can then be promised, at least one."""
    num_calibration_prompts: int = 450
    """Prompts of the calibration, at least 3; a promise for 99 % of answers takes 148, a sharp one three times that."""
    num_calibration_numbers: int = 21
    """Numbers that each of them is asked for over the trained range, at least 2."""
    num_limit_prompts: int = 600
    """Fresh prompts on which limits are checked, each with one limit, at least 1."""
    confidences: list[float] = field(default_factory=lambda: [0.9, 0.95, 0.99])
    """Confidences of the limits that are checked, each in (0, 1)."""

    def __post_init__(self) -> None:
        least = {
            "num_response_prompts": 1,
            "num_response_numbers": 2,
            "num_calibration_prompts": 3,
            "num_calibration_numbers": 2,
            "num_limit_prompts": 1,
        }
        for name, number in least.items():
            if getattr(self, name) < number:
                raise ConfigError(f"lengths.{name} must be at least {number}, got {getattr(self, name)}.")
        if not self.calibrated:
            raise ConfigError("lengths.calibrated names no category. Name one, such as length_tokens.")
        if not all(0 < confidence < 1 for confidence in self.confidences):
            raise ConfigError(f"lengths.confidences must lie between 0 and 1, got {self.confidences}.")
