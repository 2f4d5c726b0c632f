using System.Globalization;
using System.Text.Json;
using DistSgd.TestKit;

namespace DistSgd.Cli.Tests;

/// <summary>CSV files from the command line.</summary>
public sealed class CsvTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task TextLabels_AreLearnedWithoutOptions_AndPredictionsGiveThemBack()
    {
        string data = People("people.csv", 400, 1), model = _folder["m"];
        Outcome trained = await CommandLine.MustAsync("train", "--data", data, "--test", People("test.csv", 200, 2), "--out", model);
        Assert.Contains("CSV, comma, header; label \"job\" (2 texts), 2 columns of numbers, 1 column of categories (3 distinct, hashed with seed 1 to 2^18 features, 0 collisions)", trained.Output, StringComparison.Ordinal);
        Assert.Contains("numbers become their column's mean and are marked", trained.Output, StringComparison.Ordinal);
        await CommandLine.MustAsync("predict", "--model", model, "--data", _folder["test.csv"], "--out", _folder["p"]);
        string[] predicted = [.. File.ReadLines(_folder["p"]).Select(line => line[..line.LastIndexOf(' ')])];
        string[] actual = [.. File.ReadLines(_folder["test.csv"]).Skip(1).Select(line => line.Split(',')[3])];
        int right = predicted.Zip(actual).Count(pair => pair.First == pair.Second);
        Assert.True(right >= 180, $"{right} of 200");
        JsonElement evaluated = (await CommandLine.MustAsync("evaluate", "--model", model, "--data", _folder["test.csv"], "--json")).LastJson;
        Assert.Equal(right / 200.0, evaluated.GetProperty("test_accuracy").GetDouble(), 1e-9);
        Assert.Equal(["no job", "yes"], evaluated.GetProperty("classes").EnumerateArray().Select(one => one.GetProperty("label").GetString()!));
        string shown = (await CommandLine.MustAsync("inspect", model)).Output;
        Assert.Contains("labels no job and yes", shown, StringComparison.Ordinal);
        Assert.Contains("age:", shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ThreeTextLabels_AreClasses()
    {
        string[] kinds = ["low", "mid", "top"];
        string data = _folder.Write("c.csv", "x,kind\n" + string.Concat(Enumerable.Range(0, 300).Select(i => string.Create(CultureInfo.InvariantCulture, $"{(i % 3) - 1 + (i % 7 * 0.01)},{kinds[i % 3]}\n"))));
        await CommandLine.MustAsync("train", "--data", data, "--out", _folder["m"], "--epochs", "60");
        await CommandLine.MustAsync("predict", "--model", _folder["m"], "--data", data, "--out", _folder["p"]);
        string[] words = [.. File.ReadLines(_folder["p"]).Select(line => line.Split(' ')[0])];
        Assert.Equal(["low", "top"], [words[0], words[2]]);
    }

    [Fact]
    public async Task ColumnsOfAnotherFile_AreMatchedByName_AndWhatDiffersIsSaid()
    {
        string model = _folder["m"];
        await CommandLine.MustAsync("train", "--data", People("people.csv", 300, 1), "--out", model, "--epochs", "2");
        string bare = _folder.Write("bare.csv", "note,hours,age\nhello,40,30\nworld,10,20\n");
        Outcome predicted = await CommandLine.MustAsync("predict", "--model", model, "--data", bare, "--out", _folder["p"]);
        Assert.Contains("columns that aren't there, read as missing values: city; columns that the model doesn't know, left out: note", predicted.Output, StringComparison.Ordinal);
        Outcome unlabelled = await CommandLine.RunAsync("evaluate", "--model", model, "--data", bare);
        Assert.Equal((1, true), (unlabelled.Code, unlabelled.Error.Contains("has no column \"job\"; its labels are needed", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("a,b,y\n1,2,0\n3,4\n", "bad.csv:3:4: the row has 2 fields; expected 3, as in the first line.")]
    [InlineData("a,b,y\n1,\"2,0\n3,4,1\n", "bad.csv:2:3: the quote opened here is never closed.")]
    [InlineData("a,b,y\n1,2,0\n3,4,\n", "bad.csv:3:5: the label is missing in column \"y\"; expected a number.")]
    [InlineData("a,a,y\n1,2,0\n3,4,1\n", "two columns have the name \"a\"")]
    public async Task MalformedFile_IsRefusedInOneSentence(string text, string expected)
    {
        Outcome refused = await CommandLine.RunAsync("train", "--data", _folder.Write("bad.csv", text), "--header", "yes", "--out", _folder["m"]);
        Assert.Equal(1, refused.Code);
        Assert.Contains(expected, refused.Error, StringComparison.Ordinal);
        Assert.Single(refused.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.False(File.Exists(_folder["m"]));
    }

    [Fact]
    public async Task Folds_PrintEachAndTheirSpread_AndWriteNoModel()
    {
        string data = People("people.csv", 300, 1);
        Outcome text = await CommandLine.MustAsync("train", "--data", data, "--folds", "3", "--epochs", "5");
        Assert.Equal(3, text.Output.Split("fold ").Length - 1);
        Assert.Matches(@"mean     accuracy 0\.\d+ ± 0\.\d+", text.Output);
        JsonElement json = (await CommandLine.MustAsync("train", "--data", data, "--folds", "3", "--epochs", "5", "--json")).LastJson;
        Assert.Equal(3, json.GetProperty("folds").GetInt32());
        Assert.InRange(json.GetProperty("accuracy_mean").GetDouble(), 0.6, 1);
        Assert.Equal(["people.csv"], _folder.Names);
    }

    [Theory]
    [InlineData("1\n2\n", "there are 2 weights, but 3 rows")]
    [InlineData("1\nheavy\n1\n", "w:2:1: found \"heavy\" as weight; expected a number of 0 or more")]
    [InlineData("1\n-1\n1\n", "w:2:1: found \"-1\" as weight")]
    public async Task Weights_ThatAreNone_AreRefused(string weights, string expected)
    {
        string data = _folder.Write("d", "1 1:1\n0 1:2\n1 1:3\n");
        Outcome refused = await CommandLine.RunAsync("train", "--data", data, "--weights", _folder.Write("w", weights), "--out", _folder["m"]);
        Assert.Equal(1, refused.Code);
        Assert.Contains(expected, refused.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--folds", "1", "--folds is '1'; expected a whole number, 2 to 1,000")]
    [InlineData("--validation-fraction", "1", "--validation-fraction is '1'; expected a number above 0 and below 1")]
    [InlineData("--class-weight", "1:-2", "--class-weight is '1:-2'; expected balanced, or label:weight")]
    [InlineData("--hash-bits", "25", "--hash-bits is '25'; expected a whole number, 1 to 24")]
    [InlineData("--format", "parquet", "--format is 'parquet'; expected one of auto, libsvm, csv, idx")]
    [InlineData("--test", "-", "only --data can")]
    [InlineData("--categorical", "a,,b", "--categorical is 'a,,b'; expected names of columns")]
    public async Task Option_OutOfRange_IsRefusedBeforeAnythingIsRead(string option, string value, string expected)
    {
        Outcome refused = await CommandLine.RunAsync("train", "--data", _folder["none"], option, value);
        Assert.Equal(2, refused.Code);
        Assert.Contains(expected, refused.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--categorical", "a")]
    [InlineData("--label-column", "y")]
    [InlineData("--header", "no")]
    public async Task OptionForColumns_OfAFileThatHasNone_IsRefused(string option, string value)
    {
        string data = _folder.Write("d", "1 1:1\n0 1:2\n1 1:3\n");
        Outcome refused = await CommandLine.RunAsync("train", "--data", data, option, value, "--out", _folder["m"]);
        Assert.Equal(2, refused.Code);
        Assert.Equal("", refused.Output);
        Assert.Contains($"{option} {value} is for the columns of separated text, and {data} has none", refused.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["m"]));
    }

    // Older people and those of Bern have jobs; some ages are missing.
    private string People(string name, int rows, int seed)
    {
        var random = new Random(seed);
        var text = new System.Text.StringBuilder("age,city,hours,job\n");
        for (int i = 0; i < rows; i++)
        {
            int age = random.Next(18, 65), city = random.Next(3);
            string shown = random.Next(20) == 0 ? "" : age.ToString(CultureInfo.InvariantCulture);
            text.Append(CultureInfo.InvariantCulture, $"{shown},{((string[])["Bern", "Basel", "Genf"])[city]},{random.Next(50)},{(age + (city == 0 ? 30 : 0) > 50 ? "yes" : "no job")}\n");
        }
        return _folder.Write(name, text.ToString());
    }
}
