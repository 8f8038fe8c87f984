# SPDX-License-Identifier: Apache-2.0
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor
DRAW_TAG_FALLBACK: DrawTag
DRAW_TAG_IN_HORIZON: DrawTag
DRAW_TAG_NEAR_POSITIVE: DrawTag
DRAW_TAG_UNSPECIFIED: DrawTag
LAW_KIND_CONDITIONAL: LawKind
LAW_KIND_EXACT: LawKind
LAW_KIND_NONE: LawKind
LAW_KIND_ROW_CONSTANT: LawKind
LAW_KIND_UNSPECIFIED: LawKind
REJECT_CAUSE_DEAD: RejectCause
REJECT_CAUSE_DUPLICATE: RejectCause
REJECT_CAUSE_EXCLUDED: RejectCause
REJECT_CAUSE_FILTERED: RejectCause
REJECT_CAUSE_MARGIN: RejectCause
REJECT_CAUSE_UNCERTAIN: RejectCause
REJECT_CAUSE_UNSPECIFIED: RejectCause
ROW_STATUS_EXHAUSTED: RowStatus
ROW_STATUS_NO_ANCHOR: RowStatus
ROW_STATUS_NO_CANDIDATE: RowStatus
ROW_STATUS_NO_EVENT: RowStatus
ROW_STATUS_NO_LIVING_ITEM: RowStatus
ROW_STATUS_OK: RowStatus
ROW_STATUS_SHORT: RowStatus
ROW_STATUS_UNSPECIFIED: RowStatus
SAMPLE_OUTPUT_ARM: SampleOutput
SAMPLE_OUTPUT_COMPONENT: SampleOutput
SAMPLE_OUTPUT_EFFECTIVE_SHARES: SampleOutput
SAMPLE_OUTPUT_EMBEDDING_AGE: SampleOutput
SAMPLE_OUTPUT_EXPECTED_COUNT: SampleOutput
SAMPLE_OUTPUT_IMPORTANCE_WEIGHT: SampleOutput
SAMPLE_OUTPUT_LOG_Q: SampleOutput
SAMPLE_OUTPUT_LOG_Q_SOURCE: SampleOutput
SAMPLE_OUTPUT_MODEL_VERSION: SampleOutput
SAMPLE_OUTPUT_NONE: SampleOutput
SAMPLE_OUTPUT_POPULARITY_BOUNDARY: SampleOutput
SAMPLE_OUTPUT_POSITIVE_LOG_Q: SampleOutput
SAMPLE_OUTPUT_REJECTS: SampleOutput
SAMPLE_OUTPUT_REJECTS_BY_ALL_CAUSES: SampleOutput
SAMPLE_OUTPUT_REJECTS_BY_CAUSE: SampleOutput
SAMPLE_OUTPUT_SCORE: SampleOutput
SAMPLE_OUTPUT_TAGS: SampleOutput
SAMPLE_OUTPUT_UNSPECIFIED: SampleOutput

class SampleOutput(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class LawKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class RowStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class DrawTag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class RejectCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
