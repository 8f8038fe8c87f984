# SPDX-License-Identifier: Apache-2.0
"""`./dev bench quality`: do models get better by negatives from the server?

The protocol is in `client/python/docs/quality.md`. Modules, from the data to the report: `world`,
`splits`, `arms`, `towers`, `serving_pool`, `trainer`, `store`, `tuning`, `measures`, `bootstrap`,
`summary`, `report`, `plots`.
"""
