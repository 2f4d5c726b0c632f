using DistSgd.Learning.Mlp;

namespace DistSgd.Learning.Tests.Mlp;

public sealed class NetworkTests
{
    [Fact]
    public void Compute_SecondTimeOnwards_AllocatesNothing()
    {
        var network = new MlpCase(new MlpSpec { Layers = [16, 8], Outputs = 3, BatchNorm = true, Dropout = 0.2f }, 1);
        using var work = new MlpNetwork(network.Shape);
        var gradient = new float[network.Parameters.Length];
        var scores = new float[MlpCase.Rows * 3];
        work.Compute(network.Batch, MlpCase.Order, network.Parameters, gradient, scores);
        int[] order = MlpCase.Order;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
            work.Compute(network.Batch, order, network.Parameters, gradient, scores);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void RunningStatistics_WorkersAddTheirShares_MoveTowardsTheBatch()
    {
        var network = new MlpCase(new MlpSpec { Layers = [4], Outputs = 2, BatchNorm = true }, 3);
        using var one = new MlpNetwork(network.Shape);
        using var quarter = new MlpNetwork(network.Shape, workers: 4);
        var (whole, part) = (new float[network.Parameters.Length], new float[network.Parameters.Length]);
        var scores = new float[MlpCase.Rows * 2];
        one.Compute(network.Batch, MlpCase.Order, network.Parameters, whole, scores);
        quarter.Compute(network.Batch, MlpCase.Order, network.Parameters, part, scores);
        MlpLayerShape layer = network.Shape.Layers[0];
        int tail = whole.Length - network.Shape.TailLength;
        for (int j = 0; j < layer.Columns; j++)
        {
            double[] sums = [.. network.DenseRows.Select(row => row.Select((x, k) => x * network.Parameters[k * 4 + j]).Sum())];
            double mean = sums.Average(), variance = sums.Sum(z => (z - mean) * (z - mean)) / (sums.Length - 1);
            Assert.Equal(0.1 * (mean - network.Parameters[tail + layer.Mean + j]), whole[tail + layer.Mean + j], 1e-5);
            Assert.Equal(0.1 * (variance - network.Parameters[tail + layer.Variance + j]), whole[tail + layer.Variance + j], 1e-5);
            Assert.Equal(whole[tail + layer.Mean + j] / 4, part[tail + layer.Mean + j], 1e-6);
        }
    }

    [Fact]
    public void Score_WithBatchStatisticsAsRunningOnes_EqualsTraining()
    {
        var network = new MlpCase(new MlpSpec { Layers = [4], Outputs = 2, BatchNorm = true }, 3);
        float[] parameters = [.. network.Parameters];
        MlpLayerShape layer = network.Shape.Layers[0];
        int tail = parameters.Length - network.Shape.TailLength;
        for (int j = 0; j < layer.Columns; j++)
        {
            double[] sums = [.. network.DenseRows.Select(row => row.Select((x, k) => x * parameters[k * 4 + j]).Sum())];
            parameters[tail + layer.Mean + j] = (float)sums.Average();
            parameters[tail + layer.Variance + j] = (float)sums.Average(z => (z - sums.Average()) * (z - sums.Average()));
        }
        using var work = new MlpNetwork(network.Shape);
        var (trained, scored) = (new float[MlpCase.Rows * 2], new float[MlpCase.Rows * 2]);
        work.Compute(network.Batch, MlpCase.Order, parameters, new float[parameters.Length], trained);
        work.Score(network.Batch, MlpCase.Order, parameters, scored);
        for (int i = 0; i < scored.Length; i++)
            Assert.Equal(trained[i], scored[i], 1e-4);
    }

    [Fact]
    public void Dropout_TheSamePlace_DrawsTheSame_AndKeepsTheMean()
    {
        var (first, again, other) = (new float[10_000], new float[10_000], new float[10_000]);
        ulong seed = new BatchPlace(1, 2, 3).Seed(9, 4, MlpNetwork.DropoutPurpose);
        DropoutMask.Fill(0.3f, seed, first);
        DropoutMask.Fill(0.3f, seed, again);
        DropoutMask.Fill(0.3f, new BatchPlace(1, 3, 3).Seed(9, 4, MlpNetwork.DropoutPurpose), other);
        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
        Assert.InRange(first.Average(), 0.97, 1.03);
        Assert.InRange(first.Count(factor => factor == 0), 2_800, 3_200);
    }

    [Fact]
    public void Start_EachInit_HasItsDeviation()
    {
        foreach ((WeightInit init, double expected) in new[]
        {
            (WeightInit.Auto, Math.Sqrt(2.0 / 400)), (WeightInit.He, Math.Sqrt(2.0 / 400)), (WeightInit.Glorot, Math.Sqrt(2.0 / 500)),
            (WeightInit.Lecun, Math.Sqrt(1.0 / 400)), (WeightInit.Normal, 0.01), (WeightInit.Zeros, 0),
        })
        {
            var shape = new MlpShape(new MlpSpec { Layers = [100], Outputs = 2, Init = init });
            float[] parameters = MlpStart.Draw(shape, 400, 7);
            double deviation = Math.Sqrt(parameters.Take(40_000).Average(w => (double)w * w));
            Assert.Equal(expected, deviation, 0.02 * expected);
            Assert.All(parameters.Skip(40_000).Take(100), bias => Assert.Equal(0, bias));
            Assert.Equal(parameters, MlpStart.Draw(shape, 400, 7));
        }
    }

    [Fact]
    public void Spec_OutOfRange_IsRefusedByName()
    {
        Assert.Contains("--hidden", Refusal(new MlpSpec { Layers = [0] }));
        Assert.Contains("--dropout", Refusal(new MlpSpec { Dropout = 1 }));
        Assert.Contains("maxout:1", Refusal(new MlpSpec { Activation = HiddenActivation.Maxout, MaxoutPieces = 1 }));
        Assert.Contains("--activation is relu:0.5", Refusal(new MlpSpec { ActivationConstant = 0.5f }));

        static string Refusal(MlpSpec spec) => Assert.Throws<ArgumentException>(spec.Check).Message;
    }

    [Fact]
    public void Training_PlainAdam_LearnsParity()
    {
        // The parity of two signs: no linear model does better than a coin.
        float[] values = [1, 1, 1, -1, -1, 1, -1, -1];
        float[] labels = [0, 1, 1, 0];
        foreach (HiddenActivation activation in Enum.GetValues<HiddenActivation>())
        {
            var shape = new MlpShape(new MlpSpec { Layers = [8], Outputs = 2, Activation = activation });
            using var work = new MlpNetwork(shape);
            float[] parameters = MlpStart.Draw(shape, 2, 1);
            var adam = new PlainAdam(parameters.Length);
            var (gradient, scores) = (new float[parameters.Length], new float[8]);
            for (int step = 0; step < 300; step++)
            {
                work.Compute(new([0, 2, 4, 6, 8], [0, 1, 0, 1, 0, 1, 0, 1], values, labels), [0, 1, 2, 3], parameters, gradient, scores);
                adam.Step(0.03, gradient, parameters);
            }
            work.Score(new([0, 2, 4, 6, 8], [0, 1, 0, 1, 0, 1, 0, 1], values, labels), [0, 1, 2, 3], parameters, scores);
            for (int i = 0; i < 4; i++)
                Assert.True(scores[2 * i + 1] > scores[2 * i] == (labels[i] == 1), $"{activation}: row {i} has scores {scores[2 * i]}, {scores[2 * i + 1]}");
        }
    }

    private sealed class PlainAdam(int length)
    {
        private readonly double[] _mean = new double[length];
        private readonly double[] _square = new double[length];
        private int _steps;

        public void Step(double rate, float[] gradient, float[] parameters)
        {
            _steps++;
            for (int i = 0; i < length; i++)
            {
                _mean[i] = 0.9 * _mean[i] + 0.1 * gradient[i];
                _square[i] = 0.999 * _square[i] + 0.001 * gradient[i] * gradient[i];
                parameters[i] -= (float)(rate * _mean[i] / (1 - Math.Pow(0.9, _steps)) / (Math.Sqrt(_square[i] / (1 - Math.Pow(0.999, _steps))) + 1e-8));
            }
        }
    }
}
