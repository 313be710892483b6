"""The report: a start page with the strategy on one page, a page per step, the notebooks as appendix.

Plain files, no script, nothing loaded from outside; client text is data and is escaped.
"""

from __future__ import annotations

from playbook.report.write import write_report

__all__ = ["write_report"]
