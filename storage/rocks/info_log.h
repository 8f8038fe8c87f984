// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_STORAGE_ROCKS_INFO_LOG_H_
#define NEGATRON_STORAGE_ROCKS_INFO_LOG_H_

#include <memory>
#include <string>

namespace rocksdb {
class Logger;
}  // namespace rocksdb

namespace negatron {

// Writes RocksDB's warnings and errors to `folder`/LOG, which grows to 4 MiB at most; a larger one
// of an earlier start becomes LOG.old. Lines that cannot be written are lost, and no more: after a
// failed write RocksDB's own logger aborts the process with the next line, where assertions are
// compiled in, as in Debian's packages. Makes the folder if it is not there.
//
// Thread-safety: thread-safe.
std::shared_ptr<rocksdb::Logger> OpenInfoLog(const std::string& folder);

}  // namespace negatron

#endif  // NEGATRON_STORAGE_ROCKS_INFO_LOG_H_
