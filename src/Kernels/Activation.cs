using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>The activations that act on one number at a time.</summary>
public enum ActivationFunction
{
    /// <summary>σ(z) = 1/(1 + e^−z).</summary>
    Sigmoid,

    /// <summary>tanh z.</summary>
    Tanh,

    /// <summary>max(0, z); slope 0 at 0.</summary>
    Relu,

    /// <summary>z above 0, c·z elsewhere; c &gt; 0.</summary>
    LeakyRelu,

    /// <summary>z above 0, c·(e^z − 1) elsewhere; c &gt; 0.</summary>
    Elu,
}

/// <summary>Activations, and their derivatives as functions of their own results. NaN stays NaN.</summary>
public static class Activation
{
    /// <summary>result[i] = φ(z[i]); <paramref name="result"/> may be <paramref name="z"/> itself.</summary>
    /// <param name="function">φ.</param>
    /// <param name="constant">c of leaky ReLU and ELU; positive.</param>
    /// <param name="z">Arguments.</param>
    /// <param name="result">As long.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Apply(ActivationFunction function, float constant, ReadOnlySpan<float> z, Span<float> result) =>
        Apply(KernelForms.Best, function, constant, z, result);

    /// <summary>gradient[i] = gradient[i]·φ'(z[i]), from a[i] = φ(z[i]).</summary>
    /// <param name="function">φ.</param>
    /// <param name="constant">c of leaky ReLU and ELU; positive.</param>
    /// <param name="a">What <see cref="Apply(ActivationFunction, float, ReadOnlySpan{float}, Span{float})"/> gave.</param>
    /// <param name="gradient">As long; read and written.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Backward(ActivationFunction function, float constant, ReadOnlySpan<float> a, Span<float> gradient) =>
        Backward(KernelForms.Best, function, constant, a, gradient);

    internal static void Apply(KernelForm form, ActivationFunction function, float constant, ReadOnlySpan<float> z, Span<float> result)
    {
        KernelGuard.SameLength(z.Length, result.Length, nameof(result));
        switch (function)
        {
            case ActivationFunction.Sigmoid: VectorSigmoid.Apply(form, z, result); break;
            case ActivationFunction.Tanh: VectorTanh.Apply(form, z, result); break;
            case ActivationFunction.Relu: Map.Apply(form, new Leaky(0f), z, result); break;
            case ActivationFunction.LeakyRelu: Map.Apply(form, new Leaky(constant), z, result); break;
            default: Map.Apply(form, new Elu(constant), z, result); break;
        }
    }

    internal static void Backward(KernelForm form, ActivationFunction function, float constant, ReadOnlySpan<float> a, Span<float> gradient)
    {
        KernelGuard.SameLength(a.Length, gradient.Length, nameof(gradient));
        switch (function)
        {
            case ActivationFunction.Sigmoid: Map.Apply(form, default(SigmoidSlope), a, gradient, gradient); break;
            case ActivationFunction.Tanh: Map.Apply(form, default(TanhSlope), a, gradient, gradient); break;
            case ActivationFunction.Relu: Map.Apply(form, new LeakySlope(0f), a, gradient, gradient); break;
            case ActivationFunction.LeakyRelu: Map.Apply(form, new LeakySlope(constant), a, gradient, gradient); break;
            default: Map.Apply(form, new EluSlope(constant), a, gradient, gradient); break;
        }
    }

    private readonly struct Leaky(float slope) : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x) => 0f < x ? x : slope * x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x)
            where T : struct, ILane<T> => T.SelectLess(T.All(0f), x, x, T.All(slope) * x);
    }

    private readonly struct Elu(float scale) : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x) => 0f < x ? x : scale * (ScalarMath.Exp(x) - 1f);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x)
            where T : struct, ILane<T> => T.SelectLess(T.All(0f), x, x, T.All(scale) * (VectorMath.Exp(x) - T.All(1f)));
    }

    // (a, g) → g·a·(1 − a).
    private readonly struct SigmoidSlope : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x, float y) => y * (x * (1f - x));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x, T y)
            where T : struct, ILane<T> => y * (x * (T.All(1f) - x));
    }

    // (a, g) → g·(1 − a²).
    private readonly struct TanhSlope : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x, float y) => y * ((1f - x) * (1f + x));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x, T y)
            where T : struct, ILane<T> => y * ((T.All(1f) - x) * (T.All(1f) + x));
    }

    // The slope is positive or 0, so that a has the sign of z or is 0.
    private readonly struct LeakySlope(float slope) : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x, float y) => 0f < x ? y : slope * y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x, T y)
            where T : struct, ILane<T> => T.SelectLess(T.All(0f), x, y, T.All(slope) * y);
    }

    // Below 0 the slope c·e^z is a + c.
    private readonly struct EluSlope(float scale) : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Invoke(float x, float y) => 0f < x ? y : y * (x + scale);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x, T y)
            where T : struct, ILane<T> => T.SelectLess(T.All(0f), x, y, y * (x + T.All(scale)));
    }
}
