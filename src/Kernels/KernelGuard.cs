using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>Argument checks shared by the kernels; the throwing half is kept out of line so that the checks inline.</summary>
internal static class KernelGuard
{
    /// <summary>Throws when two spans that are walked together differ in length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SameLength(int first, int second, string name)
    {
        if (first != second) ThrowLength(first, second, name);
    }

    /// <summary>Throws when a span is shorter than the work needs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AtLeast(int length, long needed, string name)
    {
        if (length < needed) ThrowShort(length, needed, name);
    }

    /// <summary>Throws unless the small constant of an adaptive rule is a positive finite number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PositiveDelta(float delta)
    {
        if (!(delta > 0) || float.IsInfinity(delta)) ThrowDelta(delta);
    }

    /// <summary>Throws unless a learning rate is finite and not negative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FiniteRate(float rate)
    {
        if (!(rate >= 0) || float.IsInfinity(rate)) ThrowRate(rate);
    }

    [DoesNotReturn]
    private static void ThrowLength(int first, int second, string name) =>
        throw new ArgumentException($"'{name}' has {second} elements where {first} were expected; both spans must have one length.", name);

    [DoesNotReturn]
    private static void ThrowShort(int length, long needed, string name) =>
        throw new ArgumentException($"'{name}' has {length} elements; this call needs at least {needed}.", name);

    [DoesNotReturn]
    private static void ThrowDelta(float delta) =>
        throw new ArgumentOutOfRangeException(nameof(delta), delta, "The small constant delta must be a positive finite number.");

    [DoesNotReturn]
    private static void ThrowRate(float rate) =>
        throw new ArgumentOutOfRangeException(nameof(rate), rate, "The learning rate must be finite and not negative.");
}
