// What libtorch can do and its Rust binding does not reach: processes that compute together (c10d on gloo), the backward
// pass from a given gradient, and AdamW in one pass over memory.
//
// Tensors come as the binding's own pointers. A function returns nothing, or a message that `vpit_message_free` frees.

#include <cstring>
#include <exception>
#include <string>

#include <ATen/ops/_fused_adamw.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

namespace {

template <typename F>
char* guarded(F body) {
  try {
    body();
    return nullptr;
  } catch (const std::exception& error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("an exception of unknown type");
  }
}

struct Group {
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
};

void finish(const c10::intrusive_ptr<c10d::Work>& work) {
  // Throws what went wrong in the background, a lost connection or the time-out.
  work->wait();
}

} // namespace

extern "C" {

void vpit_message_free(char* message) {
  free(message);
}

// `interface`: a network interface by name; empty for the one that the host's name leads to.
char* vpit_group_join(
    const char* host, int port, int rank, int size, int64_t timeout_ms, const char* interface, void** group) {
  return guarded([&] {
    std::chrono::milliseconds timeout(timeout_ms);
    c10d::TCPStoreOptions store;
    store.port = static_cast<uint16_t>(port);
    store.isServer = rank == 0;
    store.numWorkers = size;
    store.waitWorkers = true;
    store.timeout = timeout;
    auto options = c10d::ProcessGroupGloo::Options::create(timeout);
    std::string name(interface), address(host);
    options->devices.push_back(
        !name.empty() ? c10d::ProcessGroupGloo::createDeviceForInterface(name)
            : address.rfind("127.", 0) == 0 ? c10d::ProcessGroupGloo::createDeviceForHostname(address)
                                            : c10d::ProcessGroupGloo::createDefaultDevice());
    auto rendezvous = c10::make_intrusive<c10d::TCPStore>(address, store);
    auto gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(
        c10::make_intrusive<c10d::PrefixStore>("vpit", rendezvous), rank, size, options);
    *group = new Group{gloo};
  });
}

void vpit_group_leave(void* group) {
  delete static_cast<Group*>(group);
}

char* vpit_group_all_reduce(void* group, at::Tensor* tensor, bool largest) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{*tensor};
    c10d::AllreduceOptions options;
    options.reduceOp = largest ? c10d::ReduceOp::MAX : c10d::ReduceOp::SUM;
    finish(static_cast<Group*>(group)->gloo->allreduce(tensors, options));
  });
}

char* vpit_group_all_gather(void* group, at::Tensor* share, at::Tensor* whole) {
  return guarded([&] { finish(static_cast<Group*>(group)->gloo->_allgather_base(*whole, *share)); });
}

char* vpit_group_reduce_scatter(void* group, at::Tensor* whole, at::Tensor* share) {
  return guarded([&] { finish(static_cast<Group*>(group)->gloo->_reduce_scatter_base(*share, *whole)); });
}

char* vpit_backward(at::Tensor* output, at::Tensor* gradient) {
  return guarded([&] { torch::autograd::backward({*output}, {*gradient}); });
}

char* vpit_adamw(
    at::Tensor* value, at::Tensor* gradient, at::Tensor* first, at::Tensor* second, int64_t step, double rate,
    double weight_decay) {
  return guarded([&] {
    at::NoGradGuard guard;
    std::vector<at::Tensor> values{*value}, gradients{*gradient}, firsts{*first}, seconds{*second};
    std::vector<at::Tensor> steps{at::full({}, static_cast<double>(step), at::kFloat).to(value->device())};
    at::_fused_adamw_(
        values, gradients, firsts, seconds, {}, steps, rate, 0.9, 0.999, weight_decay, 1e-8, false, false);
  });
}

} // extern "C"
