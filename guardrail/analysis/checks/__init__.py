"""What rules need that patterns cannot say: `check = "guardrail.analysis.checks.<surface>:<function>"`."""
