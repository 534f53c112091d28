// What libtorch can do and its Rust binding does not reach: processes that compute together (c10d on gloo), the backward
// pass from a given gradient, and AdamW in one pass over memory.
//
// Tensors come as the binding's own pointers. A function returns nothing, or a message that `vpit_message_free` frees.

#include <cstring>
#include <exception>
#include <memory>
#include <string>

#include <ATen/ATen.h>
#include <ATen/ops/_fused_adamw.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
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

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// weight * x / rms(x). Backward are the steps that autograd would take, in its order, so that the bits are the same; but of
// what lies between x and the result nothing is kept, and temporaries are written over.
struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight, double eps) {
    auto wide = x.to(at::kFloat);
    auto scale = wide.square().mean(-1, true, at::kFloat).add_(eps).rsqrt_();
    context->save_for_backward({x, weight, scale});
    return (wide * scale).to(x.scalar_type()) * weight;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &scale = saved[2], &gradient = gradients[0];
    auto wide = x.to(at::kFloat);
    auto of_weight = context->needs_input_grad(1)
        ? (gradient * (wide * scale).to(x.scalar_type())).sum_to_size(weight.sizes())
        : at::Tensor();
    auto of_scaled = (gradient * weight).to(at::kFloat);
    auto of_scale = (of_scaled * wide).sum(-1, true);
    auto of_mean = (of_scale * -0.5 * scale.pow(3)).div_(static_cast<double>(x.size(-1)));
    auto of_wide = of_scaled.mul_(scale).add_((wide * 2.0).mul_(of_mean));
    return {of_wide.to(x.scalar_type()), of_weight, at::Tensor()};
  }
};

// silu(gate) * up; keeps both and not what lies between.
struct Gated : torch::autograd::Function<Gated> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate, const at::Tensor& up) {
    context->save_for_backward({gate, up});
    return at::silu(gate).mul_(up);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const at::Tensor &gate = saved[0], &up = saved[1], &gradient = gradients[0];
    return {at::silu_backward(gradient * up, gate), at::silu(gate).mul_(gradient)};
  }
};

// Keeps what it reads and writes until it is done.
struct Work {
  c10::intrusive_ptr<c10d::Work> work;
  at::Tensor share, whole;
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

// The work that it begins is waited for, and freed, by `vpit_work_wait`.
char* vpit_group_all_gather(void* group, at::Tensor* share, at::Tensor* whole, void** work) {
  return guarded([&] { *work = new Work{static_cast<Group*>(group)->gloo->_allgather_base(*whole, *share), *share, *whole}; });
}

char* vpit_work_wait(void* work) {
  std::unique_ptr<Work> owned(static_cast<Work*>(work));
  return guarded([&] { finish(owned->work); });
}

char* vpit_group_reduce_scatter(void* group, at::Tensor* whole, at::Tensor* share) {
  return guarded([&] { finish(static_cast<Group*>(group)->gloo->_reduce_scatter_base(*share, *whole)); });
}

char* vpit_rms_norm(at::Tensor* x, at::Tensor* weight, double eps, at::Tensor** result) {
  return guarded([&] { *result = new at::Tensor(RmsNorm::apply(*x, *weight, eps)); });
}

char* vpit_gated(at::Tensor* gate, at::Tensor* up, at::Tensor** result) {
  return guarded([&] { *result = new at::Tensor(Gated::apply(*gate, *up)); });
}

char* vpit_backward(at::Tensor* output, at::Tensor* gradient) {
  return guarded([&] { torch::autograd::backward({*output}, {*gradient}); });
}

char* vpit_adamw(
    at::Tensor* value, at::Tensor* gradient, at::Tensor* first, at::Tensor* second, int64_t step, double rate,
    double weight_decay, double epsilon) {
  return guarded([&] {
    at::NoGradGuard guard;
    std::vector<at::Tensor> values{*value}, gradients{*gradient}, firsts{*first}, seconds{*second};
    std::vector<at::Tensor> steps{at::full({}, static_cast<double>(step), at::kFloat).to(value->device())};
    at::_fused_adamw_(
        values, gradients, firsts, seconds, {}, steps, rate, 0.9, 0.999, weight_decay, epsilon, false, false);
  });
}

} // extern "C"
