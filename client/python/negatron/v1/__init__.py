# SPDX-License-Identifier: Apache-2.0
"""Generated messages and stubs of `negatron.v1`; made by `generate.py`."""
