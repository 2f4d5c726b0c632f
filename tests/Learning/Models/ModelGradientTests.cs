using DistSgd.Kernels;
using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Reference;

namespace DistSgd.Learning.Tests.Models;

public sealed class ModelGradientTests
{
    private const int Features = 7;
    private const int Classes = 4;

    private static readonly (double L1, double L2)[] Strengths = [(0, 0), (0.03, 0), (0, 0.2), (0.02, 0.1)];

    [Fact]
    public void Reference_EveryModelLossAndRegulariser_EqualsCentralDifferences()
    {
        foreach (ModelSpec model in Models())
        {
            foreach ((double l1, double l2) in Strengths)
            {
                using Dataset data = Draw(model);
                using BlockSet blocks = Block(model, data);
                var objective = new ReferenceObjective(model, Features, l1, l2);
                double[] parameters = Parameters(model);
                double[] gradient = objective.Gradient(blocks[0].Rows, parameters), differences = new double[gradient.Length];
                for (int i = 0; i < parameters.Length; i++)
                {
                    const double h = 1e-6;
                    double kept = parameters[i];
                    parameters[i] = kept + h;
                    double above = objective.Value(blocks[0].Rows, parameters);
                    parameters[i] = kept - h;
                    differences[i] = (above - objective.Value(blocks[0].Rows, parameters)) / (2 * h);
                    parameters[i] = kept;
                }
                Assert.True(RelativeError(gradient, differences) < 1e-7, $"{model}, l1 {l1}, l2 {l2}: {RelativeError(gradient, differences):G3}");
            }
        }
    }

    [Fact]
    public void Kernels_EveryModelAndLoss_GiveTheReferencesGradientAndLoss()
    {
        foreach (ModelSpec model in Models())
        {
            using Dataset data = Draw(model);
            using BlockSet blocks = Block(model, data);
            SparseRows rows = blocks[0].Rows;
            double[] parameters = Parameters(model);
            float[] values = [.. parameters.Select(value => (float)value)], gradient = new float[values.Length];
            int[] order = [.. Enumerable.Range(0, rows.Count)];
            double loss = BatchGradient.Of(model).Compute(rows, order, values, gradient, new float[rows.Count * model.Outputs]);
            var objective = new ReferenceObjective(model, Features);
            double error = RelativeError(objective.Gradient(rows, parameters), [.. gradient.Select(value => (double)value)]);
            Assert.True(error < 1e-4, $"{model}: the gradient is {error:G3} from the reference's");
            Assert.Equal(objective.Value(rows, parameters), loss / rows.Count, 1e-4);
        }
    }

    [Fact]
    public void Reference_WithAWrongSlope_IsSeen()
    {
        ModelSpec model = ModelKind.Logistic;
        using Dataset data = Draw(model);
        using BlockSet blocks = Block(model, data);
        double[] right = new ReferenceObjective(model, Features).Gradient(blocks[0].Rows, Parameters(model));
        double[] other = new ReferenceObjective(ModelSpec.Of(ModelKind.Svm, LossKind.Exponential), Features).Gradient(blocks[0].Rows, Parameters(model));
        Assert.True(RelativeError(right, other) > 1e-3);
    }

    [Fact]
    public void Hamming_OfRowsWithSeveralClasses_IsTheSumOfABinaryHingeForEachClass()
    {
        ModelSpec model = ModelSpec.Of(ModelKind.StructuredSvm, LossKind.Hamming, Classes);
        using Dataset data = Draw(model);
        using BlockSet blocks = Block(model, data);
        double[] parameters = Parameters(model);
        float[] values = [.. parameters.Select(value => (float)value)], gradient = new float[values.Length];
        SparseRows rows = blocks[0].Rows;
        int[] order = [.. Enumerable.Range(0, rows.Count)];
        double all = BatchGradient.Of(model).Compute(rows, order, values, gradient, new float[rows.Count * Classes]), sum = 0;
        for (int l = 0; l < Classes; l++)
        {
            var labels = new float[rows.Count];
            for (int row = 0; row < labels.Length; row++)
                labels[row] = rows.ClassSets[rows.ClassSetStarts[row]..rows.ClassSetStarts[row + 1]].Contains(l) ? 1 : -1;
            float[] own = [.. Enumerable.Range(0, Features + 1).Select(j => values[j * Classes + l])], part = new float[own.Length];
            sum += BatchGradient.Of(ModelKind.Svm).Compute(new SparseRows(rows.RowStarts, rows.Indices, rows.Values, labels), order, own, part, new float[rows.Count]);
            for (int j = 0; j <= Features; j++)
                Assert.Equal(part[j], gradient[j * Classes + l], 1e-6);
        }
        Assert.Equal(sum, all, 1e-4);
    }

    private static IEnumerable<ModelSpec> Models() =>
        from kind in (ModelKind[])[ModelKind.Linear, ModelKind.Logistic, ModelKind.Svm, ModelKind.Softmax, ModelKind.MulticlassSvm, ModelKind.StructuredSvm, ModelKind.SvmRank]
        from loss in ModelSpec.LossesOf(kind)
        let model = ModelSpec.Of(kind, loss)
        select model with
        {
            Outputs = model.HasClassScores ? Classes : 1,
            HuberDelta = 0.7f,
            Margin = 0.8f,
            Costs = loss == LossKind.Tree ? new CostMatrix([0, 1, 2, 2, 1, 0, 3, 3, 2, 3, 0, 1, 2, 3, 1, 0]) : CostMatrix.None,
        };

    private static Dataset Draw(ModelSpec model)
    {
        var random = new Random(11);
        using var builder = new DatasetBuilder();
        for (int row = 0; row < 40; row++)
        {
            uint[] indices = [.. Enumerable.Range(0, Features).Where(_ => random.NextDouble() < 0.6).Select(j => (uint)j)];
            float[] values = [.. indices.Select(_ => (float)(random.NextDouble() * 2 - 1))];
            if (model.IsMultiLabel)
                builder.Add([.. Enumerable.Range(0, Classes).Where(_ => random.Next(2) == 0).Select(l => (float)l)], indices, values);
            else if (model.IsRanking)
                builder.Add(random.Next(4), row / 6, indices, values);
            else
                builder.Add(model.IsRegression ? random.NextSingle() * 3 - 1 : model.HasClassScores ? random.Next(Classes) : random.Next(2) * 2 - 1, indices, values);
        }
        return builder.Build();
    }

    private static BlockSet Block(ModelSpec model, Dataset data)
    {
        LabelMap labels = model.HasClassScores ? LabelMap.OfClasses([.. Enumerable.Range(0, Classes).Select(l => (float)l)]) : model.IsBinary ? LabelMap.Binary(-1, 1) : LabelMap.Identity;
        return BlockSet.Build(data, [new RowRange(0, data.RowCount)], new BlockPlan(1, 0, 1000, Features, false, labels) { Targets = model.Targets });
    }

    // No parameter is 0, where L1 has its corner.
    private static double[] Parameters(ModelSpec model)
    {
        var random = new Random(12);
        return [.. Enumerable.Range(0, (Features + 1) * model.Outputs).Select(_ => (double)(float)((random.NextDouble() + 0.05) * (random.Next(2) * 2 - 1)))];
    }

    private static double RelativeError(double[] expected, double[] actual)
    {
        double difference = Math.Sqrt(expected.Zip(actual, (a, b) => (a - b) * (a - b)).Sum());
        double size = Math.Sqrt(expected.Sum(a => a * a)) + Math.Sqrt(actual.Sum(a => a * a));
        return size == 0 ? 0 : difference / size;
    }
}
