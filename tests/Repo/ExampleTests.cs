extern alias example;

using DistSgd.Learning.Data;
using DistSgd.Learning.Generators;

namespace DistSgd.Repo.Tests;

/// <summary>The example in README.md is the one in examples/, and it runs.</summary>
[Collection("current directory")]
public sealed class ExampleTests
{
    [Fact]
    public void Readme_ShowsTheExampleAsItIs()
    {
        string? shown = Pattern.First(Checkout.Read("README.md"), "^```csharp\n(?<it>(.|\n)*?)^```");
        Assert.Equal(Checkout.Read("examples/EmbeddedTraining/Program.cs"), shown);
    }

    [Fact]
    public void Example_TrainsSavesLoadsAndEvaluates()
    {
        string folder = Directory.CreateTempSubdirectory("distsgd-example-").FullName, before = Directory.GetCurrentDirectory();
        TextWriter output = Console.Out;
        using var written = new StringWriter();
        double best;
        try
        {
            Directory.SetCurrentDirectory(folder);
            Console.SetOut(written);
            Generate("train.libsvm", 2_000);
            best = Generate("test.libsvm", 500).BestAccuracy;
            typeof(example::Program).Assembly.EntryPoint!.Invoke(null, [new[] { "train.libsvm", "test.libsvm" }]);
        }
        finally
        {
            Console.SetOut(output);
            Directory.SetCurrentDirectory(before);
            Directory.Delete(folder, recursive: true);
        }
        string? accuracy = Pattern.First(written.ToString(), @"accuracy (?<it>\d\.\d+)");
        Assert.True(accuracy is not null, written.ToString());
        Assert.InRange(double.Parse(accuracy), best - 0.05, 1.0);
    }

    // The same truth in both files: it depends on the seed only.
    private static GeneratedSet Generate(string path, long rows)
    {
        using FileStream file = File.Create(path);
        using var writer = new LibsvmWriter(file);
        return new DenseGenerator(20, seed: 3, LearningTask.Classification).Generate(rows, writer);
    }
}
