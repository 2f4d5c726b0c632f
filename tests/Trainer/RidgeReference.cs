using DistSgd.Learning.Data;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Trainer.Tests;

/// <summary>Least squares with λ₂ by elimination on the normal equations, in float64: slow, and nothing but the textbook.</summary>
internal static class RidgeReference
{
    /// <summary>What the exact solution on the training rows comes to on the test rows.</summary>
    public static double Rmse(Dataset train, Dataset test, FeatureScaling scaling, double l2)
    {
        double[] parameters = Solve(train, scaling, l2);
        double sum = 0;
        for (long row = 0; row < test.RowCount; row++)
        {
            double left = X(test, row, scaling).Zip(parameters, (x, w) => x * w).Sum() - test.Row(row).Label;
            sum += left * left / test.RowCount;
        }
        return Math.Sqrt(sum);
    }

    /// <summary>The weights, in the scaling's units, and the bias behind them.</summary>
    public static double[] Solve(Dataset data, FeatureScaling scaling, double l2)
    {
        int size = (int)data.FeatureCount + 1;
        var matrix = new double[size, size + 1];
        for (int i = 0; i < size - 1; i++)
            matrix[i, i] = l2 * data.RowCount;
        for (long row = 0; row < data.RowCount; row++)
        {
            double[] x = X(data, row, scaling);
            for (int i = 0; i < size; i++)
            {
                for (int j = 0; j < size; j++)
                    matrix[i, j] += x[i] * x[j];
                matrix[i, size] += x[i] * data.Row(row).Label;
            }
        }
        for (int pivot = 0; pivot < size; pivot++)
        {
            for (int i = 0; i < size; i++)
            {
                double part = i == pivot ? 0 : matrix[i, pivot] / matrix[pivot, pivot];
                for (int j = pivot; j <= size && part != 0; j++)
                    matrix[i, j] -= part * matrix[pivot, j];
            }
        }
        return [.. Enumerable.Range(0, size).Select(i => matrix[i, size] / matrix[i, i])];
    }

    // The row's columns, all of them, and a 1.
    private static double[] X(Dataset data, long row, FeatureScaling scaling)
    {
        var x = new double[scaling.Means.Length + 1];
        var transform = new RowTransform(scaling);
        transform.Apply(data.Row(row).Indices, data.Row(row).Values);
        for (int i = 0; i < transform.Indices.Length; i++)
            x[transform.Indices[i]] = transform.Values[i];
        x[^1] = 1;
        return x;
    }
}
