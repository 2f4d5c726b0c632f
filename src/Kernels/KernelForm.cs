using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DistSgd.Kernels;

/// <summary>The forms a kernel exists in. All forms of one kernel give the same bits.</summary>
public enum KernelForm
{
    /// <summary>Plain scalar code; runs everywhere.</summary>
    Portable,

    /// <summary>256-bit vectors with fused multiply-add.</summary>
    Avx2,

    /// <summary>512-bit vectors.</summary>
    Avx512,
}

/// <summary>Which forms this machine can run. The answers are constants to the just-in-time compiler.</summary>
public static class KernelForms
{
    /// <summary>The fastest form this machine can run; every public kernel uses it.</summary>
    public static KernelForm Best
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Has512 ? KernelForm.Avx512 : Has256 ? KernelForm.Avx2 : KernelForm.Portable;
    }

    private static bool Has512
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Avx512F.IsSupported && Vector512.IsHardwareAccelerated;
    }

    private static bool Has256
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Avx2.IsSupported && Fma.IsSupported;
    }

    /// <summary>Whether this machine can run <paramref name="form"/>.</summary>
    public static bool IsSupported(KernelForm form) => form switch
    {
        KernelForm.Avx512 => Has512,
        KernelForm.Avx2 => Has256,
        _ => true,
    };
}

/// <summary>A form as a type argument, so that a loop is compiled for one form only.</summary>
internal interface IKernelForm
{
    static abstract KernelForm Form { get; }
}

/// <summary><see cref="KernelForm.Portable"/>.</summary>
internal readonly struct PortableForm : IKernelForm
{
    public static KernelForm Form => KernelForm.Portable;
}

/// <summary><see cref="KernelForm.Avx2"/>.</summary>
internal readonly struct Avx2Form : IKernelForm
{
    public static KernelForm Form => KernelForm.Avx2;
}
