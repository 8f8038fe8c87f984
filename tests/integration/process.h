// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_INTEGRATION_PROCESS_H_
#define NEGATRON_TESTS_INTEGRATION_PROCESS_H_

#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include <grpcpp/channel.h>

namespace negatron {

// A child process; killed at the end if it still runs.
//
// Thread-safety: thread-compatible.
class Process {
 public:
  // Its standard output and error go to the file `output`.
  Process(const std::vector<std::string>& command, std::string output);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void Signal(int signal);
  // Waits for the end. The exit status, or minus the signal that ended it.
  int Wait();
  bool running();
  // What it has written so far.
  std::string output() const;

 private:
  const std::string output_;
  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
};

// Runs a command to its end.
struct CommandResult {
  int status = 0;
  std::string output;
};
CommandResult RunCommand(const std::vector<std::string>& command, const std::string& folder);

// A real `negatrond` on a free port.
class ServerProcess {
 public:
  // Waits until the port is bound, or until the process has ended. `folder` holds the data, the
  // port file and the log.
  explicit ServerProcess(const std::string& folder, std::vector<std::string> flags = {});

  Process& process() { return *process_; }
  int port() const { return port_; }  // 0 if the process ended first.
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // Waits until health says SERVING; false if the process ends.
  bool WaitUntilServing();

 private:
  std::unique_ptr<Process> process_;
  int port_ = 0;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace negatron

#endif  // NEGATRON_TESTS_INTEGRATION_PROCESS_H_
