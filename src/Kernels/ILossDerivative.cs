namespace DistSgd.Kernels;

/// <summary>
/// The derivative of a loss in the score, as a struct, so that the training runs are compiled with it inlined.
/// It must be a pure function of its arguments and of constants it was made with.
/// </summary>
public interface ILossDerivative
{
    /// <summary>dℓ/df at score f = <paramref name="score"/> for the label; 0 means that the row changes nothing.</summary>
    float Derivative(float score, float label);
}
