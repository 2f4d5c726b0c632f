using DistSgd.Learning.Optimizers;

namespace DistSgd.Learning.Tests.Optimizers;

public sealed class GradientClipTests
{
    [Fact]
    public void ByValue_BoundsEachElementAndKeepsItsSign()
    {
        float[] gradient = [.. Enumerable.Range(-40, 81).Select(i => i * 0.1f), 0f, -0f];
        float[] expected = [.. gradient.Select(g => Math.Clamp(g, -1.5f, 1.5f))];
        new GradientClip(Value: 1.5f).Apply(gradient);
        Assert.Equal(expected, gradient);
    }

    [Fact]
    public void ByNorm_ShortensWhatIsLongerAndLeavesTheRest()
    {
        float[] gradient = [3f, 4f];
        new GradientClip(Norm: 5.001f).Apply(gradient);
        Assert.Equal((float[])[3f, 4f], gradient);
        new GradientClip(Norm: 2.5f).Apply(gradient);
        Assert.Equal(1.5f, gradient[0], 1e-6f);
        Assert.Equal(2f, gradient[1], 1e-6f);
    }

    [Fact]
    public void ByNorm_OfAGradientWhoseSquaresOverflow_HasThatNorm()
    {
        float[] gradient = [3e30f, -4e30f, 0f];
        new GradientClip(Norm: 5f).Apply(gradient);
        Assert.Equal(3f, gradient[0], 1e-5f);
        Assert.Equal(-4f, gradient[1], 1e-5f);
    }

    [Fact]
    public void ByBoth_ElementsAreBoundedFirst()
    {
        float[] gradient = [100f, 1f];
        new GradientClip(Value: 1f, Norm: 1f).Apply(gradient);
        Assert.Equal(gradient[0], gradient[1]);
        Assert.Equal(MathF.Sqrt(0.5f), gradient[0], 1e-6f);
    }

    [Fact]
    public void NotANumber_IsNotHidden()
    {
        foreach (GradientClip clip in (GradientClip[])[new(1, 0), new(0, 1), new(1, 1)])
        {
            float[] gradient = [1f, float.NaN, 2f];
            clip.Apply(gradient);
            Assert.Contains(gradient, float.IsNaN);
        }
    }
}
