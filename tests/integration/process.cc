// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/process.h"

#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <signal.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "absl/strings/str_cat.h"
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "server/app/health_check.h"

namespace negatron {

Process::Process(const std::vector<std::string>& command, std::string output)
    : output_(std::move(output)) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  pid_ = fork();
  if (pid_ != 0) return;
  // Only async-signal-safe calls from here on: other threads' locks may be held.
  const int file = open(output_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(file, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  execv(arguments[0], arguments.data());
  _exit(127);
}

Process::~Process() {
  if (!running()) return;
  Signal(SIGKILL);
  Wait();
}

void Process::Signal(int signal) {
  if (!ended_) kill(pid_, signal);
}

int Process::Wait() {
  if (!ended_) {
    waitpid(pid_, &status_, 0);
    ended_ = true;
  }
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
}

bool Process::running() {
  if (!ended_ && waitpid(pid_, &status_, WNOHANG) == pid_) ended_ = true;
  return !ended_;
}

std::string Process::output() const {
  std::ifstream file(output_);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

CommandResult RunCommand(const std::vector<std::string>& command, const std::string& folder) {
  const std::string output = folder + "/command.out";
  unlink(output.c_str());
  Process process(command, output);
  const int status = process.Wait();
  return {status, process.output()};
}

ServerProcess::ServerProcess(const std::string& folder, std::vector<std::string> flags) {
  const std::string port_file = folder + "/port";
  unlink(port_file.c_str());
  std::vector<std::string> command = {NEGATROND, "--listen=127.0.0.1:0",
                                      "--data-dir=" + folder + "/data", "--port-file=" + port_file};
  command.insert(command.end(), flags.begin(), flags.end());
  process_ = std::make_unique<Process>(command, folder + "/server.log");
  while (process_->running()) {
    if (std::ifstream(port_file) >> port_) break;
    std::this_thread::yield();
  }
  channel_ =
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", port_), grpc::InsecureChannelCredentials());
}

bool ServerProcess::WaitUntilServing() {
  Config config;
  config.listen = {"127.0.0.1", port_};
  while (process_->running()) {
    if (CheckHealth(config, absl::Seconds(2)).ok()) return true;
  }
  return false;
}

}  // namespace negatron
