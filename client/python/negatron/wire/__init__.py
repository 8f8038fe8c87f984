# SPDX-License-Identifier: Apache-2.0
"""Generated wire twins of `google.rpc` messages; made by `generate.py`."""
