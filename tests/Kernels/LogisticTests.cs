namespace DistSgd.Kernels.Tests;

public sealed class LogisticTests
{
    [Fact]
    public void LogisticDerivative_LabelsOfBothSigns_HasTheBitsOfTheSigmoid()
    {
        var scores = Samples.Wild(7, 4096);
        for (var i = 0; i < scores.Length; i++)
        {
            foreach (var label in (ReadOnlySpan<float>)[1f, -1f])
            {
                if (float.IsNaN(scores[i])) continue;
                Samples.SameBits(-label * ScalarMath.Sigmoid(-label * scores[i]), ScalarMath.LogisticDerivative(scores[i], label), $"score {scores[i]:R}, label {label}");
            }
        }
    }

    [Fact]
    public void LogisticLossSum_EveryLengthAndForm_HasTheSameBitsAndIsNearTheTrueSum()
    {
        foreach (var (length, offset) in Samples.Shapes().Append((1500, 1)))
        {
            var random = new Random(length);
            var scores = new float[length + offset];
            var labels = new float[length + offset];
            for (var i = 0; i < scores.Length; i++) (scores[i], labels[i]) = ((float)(random.NextDouble() - 0.5) * 60f, random.Next(2) == 0 ? 1f : -1f);
            double truth = 0;
            for (var i = offset; i < scores.Length; i++) truth += Math.Max(0, -labels[i] * (double)scores[i]) + UlpError.Log1p(Math.Exp(-Math.Abs((double)scores[i])));
            var portable = LogisticLossSum.Compute(KernelForm.Portable, scores.AsSpan(offset), labels.AsSpan(offset));
            Assert.Equal(truth, portable, 1e-6 * (1 + truth));
            foreach (var form in Samples.Forms())
            {
                Assert.Equal(portable, LogisticLossSum.Compute(form, scores.AsSpan(offset), labels.AsSpan(offset)));
            }
        }
    }

    [Fact]
    public void LogisticLossSum_ExtremeScores_NeverOverflows()
    {
        Assert.Equal(2000, LogisticLossSum.Compute([-1000f, 1000f, 1000f], [1f, -1f, 1f]));
        Assert.Equal(double.PositiveInfinity, LogisticLossSum.Compute([float.NegativeInfinity], [1f]));
        Assert.True(double.IsNaN(LogisticLossSum.Compute([float.NaN], [1f])));
    }
}
