using DistSgd.Learning.Batches;
using DistSgd.Learning.Models;
using DistSgd.Learning.Reference;

namespace DistSgd.Learning.Diagnostics;

/// <summary>An objective of a gradient check: loss and regulariser in float64, and what training computes of the loss in float32.</summary>
internal interface ICheckedObjective
{
    /// <summary>Number of parameters.</summary>
    int Count { get; }

    /// <summary>Whether the regulariser acts on a parameter.</summary>
    bool IsRegularized(int parameter);

    /// <summary>Mean loss and regulariser.</summary>
    double Value(double[] point);

    /// <summary>Its gradient.</summary>
    double[] Gradient(double[] point);

    /// <summary>The gradient of the mean loss alone.</summary>
    double[] LossGradient(double[] point);

    /// <summary>The same as training computes it.</summary>
    float[] TrainedGradient(float[] point);
}

/// <summary>A model without layers.</summary>
internal sealed class CheckedScores(ModelSpec model, CheckedRegularizer regularizer, Block block, int features) : ICheckedObjective
{
    private readonly ReferenceObjective _objective = new(model, features, regularizer.L1, regularizer.L2);
    private readonly ReferenceObjective _loss = new(model, features);

    public int Count => _objective.Count;

    public bool IsRegularized(int parameter) => parameter < features * model.Outputs;

    public double Value(double[] point) => _objective.Value(block.Rows, point);

    public double[] Gradient(double[] point) => _objective.Gradient(block.Rows, point);

    public double[] LossGradient(double[] point) => _loss.Gradient(block.Rows, point);

    public float[] TrainedGradient(float[] point)
    {
        var gradient = new float[point.Length];
        BatchGradient.Of(model).Compute(block.Rows, [.. Enumerable.Range(0, block.RowCount)], point, gradient, new float[block.RowCount * model.Outputs]);
        return gradient;
    }
}
