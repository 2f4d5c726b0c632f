using DistSgd.Kernels;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Reference;

/// <summary>
/// The objective that training minimises, in float64 and plain code that shares nothing with the kernels: the rows' mean loss plus
/// λ₁‖w‖₁ + λ₂/2‖w‖² over the regularised parameters. Gradients are checked against it.
/// </summary>
/// <param name="model">Model and loss.</param>
/// <param name="features">Features of the rows.</param>
/// <param name="l1">λ₁.</param>
/// <param name="l2">λ₂.</param>
public sealed class ReferenceObjective(ModelSpec model, int features, double l1 = 0, double l2 = 0)
{
    private int Outputs => model.Outputs;

    /// <summary>Number of parameters.</summary>
    public int Count => (features + 1) * Outputs;

    /// <summary>The objective.</summary>
    /// <param name="rows">The rows; indices are features.</param>
    /// <param name="parameters">By position, the biases last.</param>
    public double Value(in SparseRows rows, ReadOnlySpan<double> parameters)
    {
        double sum = 0;
        for (int first = 0; first < rows.Count; first += UnitRows(rows, first))
            sum += Unit(rows, first, parameters, []);
        return sum / rows.Count + Regularizer(parameters);
    }

    /// <summary>Its gradient; where a loss has a corner, the subgradient that training takes.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="parameters">By position, the biases last.</param>
    public double[] Gradient(in SparseRows rows, ReadOnlySpan<double> parameters)
    {
        var gradient = new double[parameters.Length];
        for (int first = 0; first < rows.Count; first += UnitRows(rows, first))
            Unit(rows, first, parameters, gradient);
        for (int i = 0; i < gradient.Length; i++)
        {
            gradient[i] /= rows.Count;
            if (i < features * Outputs)
                gradient[i] += l1 * Math.Sign(parameters[i]) + l2 * parameters[i];
        }
        return gradient;
    }

    private double Regularizer(ReadOnlySpan<double> parameters)
    {
        double sum = 0;
        foreach (double w in parameters[..(features * Outputs)])
            sum += l1 * Math.Abs(w) + 0.5 * l2 * w * w;
        return sum;
    }

    // Rows whose loss cannot be told apart: a query's, else one.
    private int UnitRows(in SparseRows rows, int first)
    {
        int end = first + 1;
        while (model.IsRanking && end < rows.Count && rows.Queries[end] == rows.Queries[first])
            end++;
        return end - first;
    }

    // The loss of a unit; its gradient is added.
    private double Unit(in SparseRows rows, int first, ReadOnlySpan<double> parameters, Span<double> gradient)
    {
        int count = UnitRows(rows, first);
        var scores = new double[count * Outputs];
        for (int i = 0; i < count; i++)
            Score(rows, first + i, parameters, scores.AsSpan(i * Outputs, Outputs));
        var slopes = new double[scores.Length];
        double loss = model.IsRanking ? ReferenceLoss.Rank(rows.Labels.Slice(first, count), scores, slopes)
            : model.IsMultiLabel ? ReferenceLoss.Sets(rows.ClassSets[rows.ClassSetStarts[first]..rows.ClassSetStarts[first + 1]], scores, slopes)
            : model.HasClassScores ? ReferenceLoss.Classes(model, (int)rows.Labels[first], scores, slopes)
            : ReferenceLoss.Scalar(model, rows.Labels[first], scores[0], out slopes[0]);
        for (int i = 0; i < count && gradient.Length > 0; i++)
            Spread(rows, first + i, slopes.AsSpan(i * Outputs, Outputs), gradient);
        return loss;
    }

    private void Score(in SparseRows rows, int row, ReadOnlySpan<double> parameters, Span<double> scores)
    {
        for (int output = 0; output < Outputs; output++)
        {
            scores[output] = model.IsRanking ? 0 : parameters[features * Outputs + output];
            for (int n = rows.RowStarts[row]; n < rows.RowStarts[row + 1]; n++)
                scores[output] += parameters[(int)rows.Indices[n] * Outputs + output] * rows.Values[n];
        }
    }

    private void Spread(in SparseRows rows, int row, ReadOnlySpan<double> slopes, Span<double> gradient)
    {
        for (int output = 0; output < Outputs; output++)
        {
            for (int n = rows.RowStarts[row]; n < rows.RowStarts[row + 1]; n++)
                gradient[(int)rows.Indices[n] * Outputs + output] += slopes[output] * rows.Values[n];
            if (!model.IsRanking)
                gradient[features * Outputs + output] += slopes[output];
        }
    }
}
