"""Report: one self-contained HTML page per fitted model."""

from undertow.report.record import RunRecord
from undertow.report.write import check_kinds, write_report

__all__ = ["RunRecord", "check_kinds", "write_report"]
