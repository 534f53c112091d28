//! What `.libtorch` is made of.

/// libtorch's version, the one that `tch` 0.24 binds.
pub const LIBTORCH: &str = "2.11.0";

/// Written last into the finished folder; a folder with another stamp is made anew.
pub const STAMP: &str = "libtorch 2.11.0 for the CPU, recipe 1\n";

/// Bytes that the set-up needs at its peak: the wheels, what is taken from them, and pip's working copy.
pub const PEAK_BYTES: u64 = 1_700_000_000;

/// One file of the Python package index and what is taken from it.
pub struct Wheel {
    /// Name and version, as pip takes them.
    pub requirement: &'static str,
    /// The platform tag of the file.
    pub platform: &'static str,
    pub file: &'static str,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: &'static str,
    /// Pairs of a member (or, with a slash at its end, a folder) and its place below `.libtorch`.
    pub take: &'static [(&'static str, &'static str)],
}

/// The pinned wheels. `libtorch_cpu.so` of the default wheel is linked against the CUDA run-time and its profiler
/// interface, two small libraries, although it needs no driver and no device.
pub const WHEELS: [Wheel; 3] = [
    Wheel {
        requirement: "nvidia-cuda-runtime==13.0.96",
        platform: "manylinux2014_x86_64",
        file: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
        take: &[
            ("nvidia/cu13/lib/libcudart.so.13", "lib/libcudart.so.13"),
            ("nvidia_cuda_runtime-13.0.96.dist-info/licenses/", "licenses/cuda-runtime/"),
        ],
    },
    Wheel {
        requirement: "nvidia-cuda-cupti==13.0.85",
        platform: "manylinux_2_25_x86_64",
        file: "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
        sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
        take: &[
            ("nvidia/cu13/lib/libcupti.so.13", "lib/libcupti.so.13"),
            ("nvidia_cuda_cupti-13.0.85.dist-info/licenses/", "licenses/cuda-cupti/"),
        ],
    },
    Wheel {
        requirement: "torch==2.11.0",
        platform: "manylinux_2_28_x86_64",
        file: "torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        sha256: "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
        take: &[
            ("torch/include/", "include/"),
            ("torch/lib/libtorch_cpu.so", "lib/libtorch_cpu.so"),
            ("torch/lib/libc10.so", "lib/libc10.so"),
            ("torch/lib/libgomp.so.1", "lib/libgomp.so.1"),
            ("torch-2.11.0.dist-info/licenses/", "licenses/torch/"),
        ],
    },
];

impl Wheel {
    /// Where the file `member` of the wheel goes below `.libtorch`, if it is wanted.
    pub fn place_of(&self, member: &str) -> Option<String> {
        self.take.iter().find_map(|&(from, to)| {
            let rest = member.strip_prefix(from)?;
            let wanted = rest.is_empty() != from.ends_with('/') && !rest.ends_with('/');
            wanted.then(|| format!("{to}{rest}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHEEL: Wheel = Wheel {
        requirement: "",
        platform: "",
        file: "",
        sha256: "",
        take: &[("torch/include/", "include/"), ("torch/lib/libc10.so", "lib/libc10.so")],
    };

    #[test]
    fn only_named_members_are_placed() {
        let place = |member| WHEEL.place_of(member);
        assert_eq!(place("torch/include/ATen/ATen.h").as_deref(), Some("include/ATen/ATen.h"));
        assert_eq!(place("torch/lib/libc10.so").as_deref(), Some("lib/libc10.so"));
        assert_eq!(place("torch/lib/libc10.so.debug"), None);
        assert_eq!(place("torch/include/"), None);
        assert_eq!(place("torch/include/ATen/"), None);
        assert_eq!(place("torch/lib/libtorch_cuda.so"), None);
    }
}
