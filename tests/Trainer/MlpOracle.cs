using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Oracle;
using DistSgd.Shared.Jobs;

namespace DistSgd.Trainer.Tests;

/// <summary>A network trained by one worker, in float64 and plain code: every mini-batch's gradient from <see cref="MlpReference"/>, then the update rule, then the flow of the regulariser.</summary>
internal static class MlpOracle
{
    public static double[] Train(TrainingJob job, Dataset data, LabelMap labels, float[] start)
    {
        var reference = new MlpReference(job.Model.Shape);
        double[] parameters = [.. start.Select(value => (double)value)];
        var squares = new double[parameters.Length];
        bool[] isRegularized = Regularized(job, parameters.Length);
        var deal = new int[data.RowCount];
        RowOrder.Deal(job.Seed, 0, deal);
        int[][] blocks = [.. deal.Chunk(job.Batch)];
        var order = new int[blocks.Length];
        long step = 0;
        for (int epoch = 0; epoch < job.Epochs; epoch++)
        {
            RowOrder.Blocks(job.Seed, 0, epoch, order);
            foreach (int block in order)
            {
                double rate = job.Rule.Schedule.Rate(step++);
                double[] gradient = reference.Gradient(parameters, [.. blocks[block].Select(row => Dense(data, row, job))], [.. blocks[block].Select(row => labels.ToLearning(data.Row(row).Label, row))]);
                for (int i = 0; i < parameters.Length; i++)
                {
                    squares[i] += gradient[i] * gradient[i];
                    double metric = job.Rule.Optimizer == OptimizerKind.Sgd ? 1 : job.Rule[RuleConstant.Delta] + Math.Sqrt(squares[i]);
                    parameters[i] = (parameters[i] - rate * gradient[i] / metric) * (isRegularized[i] ? Math.Exp(-job.Rule.L2 * rate / metric) : 1);
                }
            }
        }
        return parameters;
    }

    private static double[] Dense(Dataset data, int row, TrainingJob job)
    {
        var dense = new double[job.Features];
        SparseRow sparse = data.Row(row);
        for (int i = 0; i < sparse.Indices.Length; i++)
            dense[sparse.Indices[i]] = sparse.Values[i];
        return dense;
    }

    private static bool[] Regularized(TrainingJob job, int length)
    {
        var regularized = new bool[length];
        foreach (LayoutTable table in job.Layout.Tables.Where(table => table.Regularized))
            Array.Fill(regularized, true, (int)table.FirstKey * job.Width, (int)table.Count);
        return regularized;
    }
}
