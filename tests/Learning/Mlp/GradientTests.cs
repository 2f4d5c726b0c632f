using DistSgd.Learning.Mlp;

namespace DistSgd.Learning.Tests.Mlp;

public sealed class GradientTests
{
    private const double Step = 1e-5;

    [Fact]
    public void Reference_EveryActivationAndHead_EqualsCentralDifferences()
    {
        foreach (MlpCase network in Cases())
        {
            double[] parameters = [.. network.Parameters.Select(value => (double)value)];
            double[] gradient = network.Reference.Gradient(parameters, network.DenseRows, network.Labels);
            double[] differences = [.. Enumerable.Range(0, parameters.Length).Select(i => Difference(network, parameters, i))];
            double error = RelativeError(gradient, differences);
            Assert.True(error < 1e-7, $"{network}: the reference's gradient is {error:G3} from central differences");
        }
    }

    [Fact]
    public void Network_EveryActivationAndHead_EqualsTheReference()
    {
        foreach (MlpCase network in Cases())
        {
            double[] parameters = [.. network.Parameters.Select(value => (double)value)];
            double[] expected = network.Reference.Gradient(parameters, network.DenseRows, network.Labels);
            float[] actual = network.Gradient(out double loss);
            ForgetRunning(network.Shape, actual);
            double error = RelativeError(expected, [.. actual.Select(value => (double)value)]);
            Assert.True(error < 1e-4, $"{network}: the gradient is {error:G3} from the reference's");
            double trueLoss = network.Reference.Loss(parameters, network.DenseRows, network.Labels);
            Assert.True(Math.Abs(loss - trueLoss) < 1e-5 * Math.Max(1, trueLoss), $"{network}: loss {loss}, reference {trueLoss}");
        }
    }

    [Fact]
    public void Network_OfWeightedRows_EqualsTheReference_AndItsReferenceCentralDifferences()
    {
        foreach (MlpCase network in Cases())
        {
            float[] weights = [.. Enumerable.Range(0, MlpCase.Rows).Select(row => 0.25f + row)];
            double[] parameters = [.. network.Parameters.Select(value => (double)value)];
            double[] expected = network.Reference.Gradient(parameters, network.DenseRows, network.Labels, weights);
            double[] differences = [.. Enumerable.Range(0, parameters.Length).Select(i => Difference(network, parameters, i, weights))];
            Assert.True(RelativeError(expected, differences) < 1e-7, $"{network}: the reference's gradient is {RelativeError(expected, differences):G3} from central differences");
            float[] actual = network.Gradient(out double loss, weights);
            ForgetRunning(network.Shape, actual);
            double error = RelativeError(expected, [.. actual.Select(value => (double)value)]);
            Assert.True(error < 1e-4, $"{network}: the gradient is {error:G3} from the reference's");
            double trueLoss = network.Reference.Loss(parameters, network.DenseRows, network.Labels, weights);
            Assert.True(Math.Abs(loss - trueLoss) < 1e-5 * Math.Max(1, trueLoss), $"{network}: loss {loss}, reference {trueLoss}");
        }
    }

    [Fact]
    public void Network_SparseRows_GiveTheBitsOfDenseOnes()
    {
        foreach (int seed in Enumerable.Range(1, 20))
        {
            var spec = new MlpSpec { Layers = [9, 4], Outputs = 3 };
            var sparse = new MlpCase(spec, seed, density: 0.2);
            using var network = new MlpNetwork(sparse.Shape);
            float[] expected = sparse.Gradient(out _);
            // The same rows with their zeros written out.
            int[] starts = [.. Enumerable.Range(0, MlpCase.Rows + 1).Select(i => i * MlpCase.Features)];
            uint[] indices = [.. Enumerable.Range(0, MlpCase.Rows * MlpCase.Features).Select(i => (uint)(i % MlpCase.Features))];
            float[] values = [.. sparse.DenseRows.SelectMany(row => row.Select(value => (float)value))];
            var actual = new float[expected.Length];
            network.Compute(new(starts, indices, values, sparse.Labels), MlpCase.Order, sparse.Parameters, actual, new float[MlpCase.Rows * 3]);
            Assert.Equal(expected, actual);
        }
    }

    private static IEnumerable<MlpCase> Cases()
    {
        int seed = 1;
        foreach (HiddenActivation activation in Enum.GetValues<HiddenActivation>())
        {
            foreach (MlpHead head in Enum.GetValues<MlpHead>())
            {
                foreach (int outputs in head switch { MlpHead.Logistic => new[] { 1 }, MlpHead.Squared => [1, 3], _ => [4] })
                {
                    foreach ((bool batchNorm, float dropout) in new[] { (false, 0f), (true, 0f), (false, 0.4f), (true, 0.4f) })
                    {
                        yield return new MlpCase(new MlpSpec { Layers = [5, 8], Outputs = outputs, Head = head, Activation = activation, BatchNorm = batchNorm, Dropout = dropout }, seed++);
                    }
                }
                yield return new MlpCase(new MlpSpec { Layers = [], Outputs = head == MlpHead.Logistic ? 1 : 3, Head = head, Activation = activation }, seed++);
            }
        }
        yield return new MlpCase(new MlpSpec { Layers = [6, 5, 4, 3], Outputs = 3, Activation = HiddenActivation.Maxout, MaxoutPieces = 3, BatchNorm = true }, seed);
    }

    private static double Difference(MlpCase network, double[] parameters, int i, float[]? weights = null)
    {
        double[] moved = [.. parameters];
        moved[i] = parameters[i] + Step;
        double above = network.Reference.Loss(moved, network.DenseRows, network.Labels, weights);
        moved[i] = parameters[i] - Step;
        return (above - network.Reference.Loss(moved, network.DenseRows, network.Labels, weights)) / (2 * Step);
    }

    // |a − b| / (|a| + |b|) of the whole vectors: single elements near 0 have no digits to compare.
    private static double RelativeError(double[] expected, double[] actual)
    {
        double difference = Math.Sqrt(expected.Zip(actual, (a, b) => (a - b) * (a - b)).Sum());
        return difference / Math.Max(1e-12, Math.Sqrt(expected.Sum(a => a * a)) + Math.Sqrt(actual.Sum(b => b * b)));
    }

    // Places of running statistics carry changes, not gradients.
    private static void ForgetRunning(MlpShape shape, float[] gradient)
    {
        Span<float> tail = gradient.AsSpan(gradient.Length - shape.TailLength);
        foreach (MlpLayerShape layer in shape.Layers.Where(layer => layer.IsNormalized))
        {
            tail.Slice(layer.Mean, layer.Columns).Clear();
            tail.Slice(layer.Variance, layer.Columns).Clear();
        }
    }
}
