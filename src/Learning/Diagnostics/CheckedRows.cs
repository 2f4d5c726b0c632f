using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Diagnostics;

/// <summary>Small random rows that fit a model, to check its gradient on.</summary>
public static class CheckedRows
{
    /// <summary>Features of generated rows.</summary>
    public const int Features = 7;

    /// <summary>Classes of generated rows, where there are several.</summary>
    public const int Classes = 4;

    private const int Rows = 40;
    private const int RowsPerQuery = 6;
    private const double Density = 0.6;
    private const double DeviationMin = 1e-12;

    /// <summary>Draws rows.</summary>
    /// <param name="model">What they are to be learned by.</param>
    /// <param name="seed">Of the draw.</param>
    public static Dataset Draw(ModelSpec model, long seed)
    {
        var random = new SeededRandom(seed);
        using var builder = new DatasetBuilder();
        for (int row = 0; row < Rows; row++)
        {
            uint[] indices = [.. Enumerable.Range(0, Features).Where(j => row == 0 || random.NextDouble() < Density).Select(j => (uint)j)];
            float[] values = [.. indices.Select(_ => (float)(random.NextDouble() * 2 - 1))];
            if (model.IsMultiLabel)
                builder.Add([.. Enumerable.Range(0, Classes).Where(l => row == 0 || random.Next(2) == 0).Select(l => (float)l)], indices, values);
            else if (model.IsRanking)
                builder.Add(random.Next(Classes), row / RowsPerQuery, indices, values);
            else
                builder.Add(model.IsRegression ? (float)(random.NextDouble() * 3 - 1) : model.HasClassScores ? row % Classes : row % 2 * 2 - 1, indices, values);
        }
        return builder.Build();
    }

    private static TargetScaling Standardised(Dataset data, long rows)
    {
        double[] targets = [.. Enumerable.Range(0, (int)rows).Select(row => (double)data.Label(row))];
        double mean = targets.Average();
        return new TargetScaling(mean, Math.Max(DeviationMin, Math.Sqrt(targets.Average(target => (target - mean) * (target - mean)))));
    }

    /// <summary>The rows of a data set as one block that a model learns from; a network's columns and targets are standardised, as they are in training.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">The rows.</param>
    /// <param name="labels">The labels' mapping.</param>
    /// <param name="features">Features of the model; others in the data are left out.</param>
    /// <param name="rowsMax">So many of them, the first.</param>
    public static BlockSet Block(ModelSpec model, Dataset data, LabelMap labels, int features, int rowsMax = int.MaxValue)
    {
        long rows = Math.Min(rowsMax, data.RowCount);
        return BlockSet.Build(data, [new RowRange(0, rows)], new BlockPlan(1, 0, (int)rows, features, false, labels, TailKeys: 1)
        {
            Targets = model.Targets,
            Scaling = model.Network is null ? null : FeatureScaling.Fit(data, features, ScalingKind.On, strengthGiven: false),
            TargetScaling = model.Network is not null && model.IsRegression ? Standardised(data, rows) : null,
        });
    }
}
