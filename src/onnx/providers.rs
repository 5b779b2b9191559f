//! Which providers of ONNX Runtime a target stands for.

/// An execution provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// The processor.
    Cpu,
    /// NVIDIA, through CUDA.
    Cuda,
    /// NVIDIA, through TensorRT.
    Tensorrt,
    /// AMD, through ROCm.
    Rocm,
    /// AMD, through MIGraphX.
    Migraphx,
    /// Intel, through OpenVINO, on this kind of device (`CPU`, `GPU`, `NPU`).
    Openvino(&'static str),
    /// Apple's Core ML.
    Coreml,
    /// Windows' DirectML.
    Directml,
    /// Qualcomm's QNN.
    Qnn,
}

impl Provider {
    /// The name in ONNX Runtime.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPUExecutionProvider",
            Self::Cuda => "CUDAExecutionProvider",
            Self::Tensorrt => "TensorrtExecutionProvider",
            Self::Rocm => "ROCMExecutionProvider",
            Self::Migraphx => "MIGraphXExecutionProvider",
            Self::Openvino(_) => "OpenVINOExecutionProvider",
            Self::Coreml => "CoreMLExecutionProvider",
            Self::Directml => "DmlExecutionProvider",
            Self::Qnn => "QNNExecutionProvider",
        }
    }

    /// The package of PyPI whose runtime has it.
    pub const fn package(self) -> &'static str {
        match self {
            Self::Cpu | Self::Coreml => "onnxruntime",
            Self::Cuda | Self::Tensorrt => "onnxruntime-gpu",
            Self::Rocm => "onnxruntime-rocm",
            Self::Migraphx => "onnxruntime-migraphx",
            Self::Openvino(_) => "onnxruntime-openvino",
            Self::Directml => "onnxruntime-directml",
            Self::Qnn => "onnxruntime-qnn",
        }
    }
}

/// The providers of a target, first choice first, without the processor as the last resort; `None` for a target that
/// ONNX Runtime does not serve.
pub fn providers(target: &str) -> Option<&'static [Provider]> {
    Some(match target {
        "cpu" => &[Provider::Cpu],
        "cuda" => &[Provider::Cuda],
        "tensorrt" => &[Provider::Tensorrt, Provider::Cuda],
        "rocm" => &[Provider::Rocm],
        "migraphx" => &[Provider::Migraphx],
        "openvino" => &[Provider::Openvino("CPU")],
        "openvino-gpu" => &[Provider::Openvino("GPU")],
        "openvino-npu" => &[Provider::Openvino("NPU")],
        "coreml" => &[Provider::Coreml],
        "directml" => &[Provider::Directml],
        "qnn" => &[Provider::Qnn],
        _ => return None,
    })
}
