from treasure.analysis.benchmarks import BENCHMARKS, METRICS, benchmark_info, benchmark_order, metric_info


def test_every_primary_metric_is_described():
    assert all(info.primary in METRICS for info in BENCHMARKS.values())


def test_lengths_and_losses_are_better_when_lower():
    lower = {name for name, metric in METRICS.items() if metric.lower_is_better}
    of_runs = {"length_violation_rate", "length_distance_words", "content_loss"}
    assert lower == of_runs | {"length_violation", "empty", "flip", "judge_failed"}
    assert {metric_info(name).sign for name in lower} == {-1}


def test_an_unknown_benchmark_leads_with_its_own_metric():
    info = benchmark_info("my_bench", ("oracle_score", "win_rate", "zeal", "care"), ("lang", "domain"))
    assert (info.label, info.primary, info.category) == ("My bench", "care", "domain")
    assert benchmark_info("my_bench", ("win_rate", "oracle_score")).primary == "oracle_score"
    assert metric_info("my_metric").label == "my metric"


def test_public_benchmarks_lead_with_their_score_not_with_a_number_of_something():
    ifeval = ("followed_loose", "followed_strict", "num_instructions", "prompt_loose", "prompt_strict")
    assert benchmark_info("ifeval", ifeval).primary == "prompt_strict"
    assert benchmark_info("alpaca_eval_li", ("empty", "length_violation", "num_words")).primary == "length_violation"
    assert not any(metric_info(name).is_rate for name in ("followed_loose", "num_words", "bleu"))


def test_a_known_benchmark_gives_way_to_what_is_there():
    info = benchmark_info("facts", ("quality_form", "win_rate"), ("lang",))
    assert (info.primary, info.category) == ("quality_form", "lang")


def test_the_whole_comes_first_and_strangers_last():
    assert sorted(["zoo", "code", "overall", "facts"], key=benchmark_order) == ["overall", "facts", "code", "zoo"]
